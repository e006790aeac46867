
'use strict';
const EVERY = 5000, PATIENCE = 4000;
const at = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';

// --- words ---------------------------------------------------------------------------------------
const number = (n, digits = 0) => n.toLocaleString('en', { maximumFractionDigits: digits });
const some = n => number(n, n < 10 ? 1 : 0);
const percent = n => `${number(n * 100, n > 0.9 && n < 1 || n < 0.1 ? 1 : 0)} %`;
const clock = time => new Date(time).toLocaleTimeString('en-GB');
function span(seconds) {
  const [d, h, m] = [seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60].map(Math.floor);
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  const s = Math.floor(seconds % 60);
  if (m) return m < 10 && s ? `${m} min ${s} s` : `${m} min`;
  return `${some(seconds)} s`;
}
function bytes(n) {
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; n >= 1024 && i < 4; i++) n /= 1024;
  return `${some(n)} ${unit[i]}`;
}

// --- elements: text only ever becomes text -------------------------------------------------------
function make(tag, name, ...inside) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...inside.filter(part => part !== null && part !== undefined));
  return element;
}
function draw(tag, name, attributes) {
  const element = document.createElementNS(SVG, tag);
  element.setAttribute('class', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// --- charts --------------------------------------------------------------------------------------
const W = 300, H = 72, TIMES = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400];
const CHARTS = [
  { id: 'requests', title: 'Requests per second', scale: nice, show: some,
    lines: [['requests_per_second', 'accent', 'answered'], ['errors_per_second', 'bad-ink', 'failed (5xx)']] },
  { id: 'hits', title: 'Answered from memory', scale: () => 1, show: percent, lines: [['hit_ratio', 'good-ink', 'share of pages']] },
  { id: 'stale', title: 'Served stale', scale: most => Math.min(1, nice(Math.max(most, 0.05))), show: percent, lines: [['stale_ratio', 'warn-ink', 'share of pages']] },
  { id: 'age', title: 'Age at serving', scale: most => TIMES.find(top => top >= most) ?? nice(most), show: span,
    lines: [['mean_age_seconds', 'accent', 'mean'], ['p99_age_seconds', 'warn-ink', 'p99']] },
  { id: 'calls', title: 'Calls to Kingdee per minute', scale: nice, show: some,
    lines: [['calls_per_minute', 'accent', 'answered'], ['failed_calls_per_minute', 'bad-ink', 'failed']] },
  { id: 'cache', title: 'Cache', scale: most => 1.15 * most || 1, show: bytes, lines: [['cache_bytes', 'accent', 'bytes']],
    more: body => `of ${bytes(body.cache.capacity_bytes)} · ${number(body.cache.entries)} chunks` },
].map(chart);

function nice(most) {
  if (most <= 0) return 1;
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(n => n * step).find(top => top >= most);
}

function chart(of) {
  const svg = draw('svg', '', { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: 'none', role: 'img' });
  for (const y of [0, H / 2, H]) svg.append(draw('line', 'rule', { x1: 0, x2: W, y1: y, y2: y }));
  const lines = of.lines.map(([key, ink, name], i) => {
    const group = draw('g', ink, {}), line = draw('path', 'line', {});
    const area = i === 0 ? draw('path', 'area', {}) : null;
    group.append(...[area, line].filter(Boolean));
    svg.append(group);
    return { key, ink, name, line, area };
  });
  const cursor = draw('line', 'cursor', { y1: 0, y2: H, visibility: 'hidden' });
  svg.append(cursor);
  const now = make('div', 'now'), label = make('span', 'top'), since = make('span');
  const legend = make('span', 'legend', ...lines.map(l => make('span', l.ink, make('i'), l.name)));
  const card = make('div', 'card chart', make('h3', '', of.title), now, make('div', 'plot', svg, label), make('div', 'axis', since, legend));
  card.id = `chart-${of.id}`;
  at('charts').append(card);
  const self = { ...of, svg, lines, now, label, since, cursor, hover: null, body: null };
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect();
    self.hover = (event.clientX - box.left) / box.width;
    if (self.body) plot(self);
  });
  svg.addEventListener('pointerleave', () => { self.hover = null; if (self.body) plot(self); });
  return self;
}

function plot(c) {
  const hour = c.body.last_hour, n = hour.at.length, end = Date.parse(c.body.now) / 1000;
  const width = Math.min(3600, Math.max(300, end - (hour.at[0] ?? end)));
  const values = c.lines.map(l => hour[l.key]);
  const top = c.scale(Math.max(0, ...values.flat().filter(v => v !== null)));
  const x = i => W * (1 - (end - hour.at[i]) / width), y = v => H * (1 - Math.min(v / top, 1));
  c.lines.forEach((l, k) => {
    let line = '', area = '', run = [];
    const close = () => {
      if (!run.length) return;
      const points = run.map(i => `${x(i).toFixed(1)} ${y(values[k][i]).toFixed(1)}`).join('L');
      line += `M${points}${run.length === 1 ? 'h.1' : ''}`;
      area += `M${x(run[0]).toFixed(1)} ${H}L${points}L${x(run.at(-1)).toFixed(1)} ${H}Z`;
      run = [];
    };
    for (let i = 0; i < n; i++) values[k][i] === null ? close() : run.push(i);
    close();
    l.line.setAttribute('d', line);
    l.area?.setAttribute('d', area);
  });
  c.label.textContent = n ? c.show(top) : '';
  c.since.textContent = `${Math.round(width / 60)} min ago`;
  let i = n - 1;
  if (c.hover !== null && n) {
    const time = end - width * (1 - c.hover);
    i = hour.at.reduce((best, t, j) => Math.abs(t - time) < Math.abs(hour.at[best] - time) ? j : best, 0);
    c.cursor.setAttribute('x1', x(i)); c.cursor.setAttribute('x2', x(i));
  }
  c.cursor.setAttribute('visibility', c.hover !== null && n ? 'visible' : 'hidden');
  tell(c, i, values, hour);
}

function tell(c, i, values, hour) {
  const shown = k => i < 0 || values[k][i] === null ? '–' : c.show(values[k][i]);
  const other = c.lines[1] && i >= 0 && values[1][i] !== null ? `${shown(1)} ${c.lines[1].name}` : null;
  const more = c.hover !== null && i >= 0 ? `at ${clock(hour.at[i] * 1000)}` : c.more?.(c.body);
  const beside = [other, more].filter(Boolean);
  c.now.replaceChildren(shown(0), make('small', '', beside.join(' · ')));
  c.svg.setAttribute('aria-label', `${c.title}: ${[shown(0), ...beside].join(', ')}`);
}

// --- account sets --------------------------------------------------------------------------------
function gauge(name, text, share, ink, mark) {
  const fill = make('i'), bar = make('div', `bar ${ink}`, fill);
  fill.style.width = `${100 * Math.min(1, share)}%`;
  if (mark !== undefined) { const tick = make('u'); tick.style.left = `${100 * mark}%`; tick.title = 'renewed here'; bar.append(tick); }
  return make('div', 'gauge', make('p', '', make('b', '', name), make('span', '', text)), bar);
}
const fact = (name, value, small, kind) => make('div', kind || '', make('dt', '', name), make('dd', '', value, small ? make('small', '', ` ${small}`) : null));

function account(a, i, all) {
  const lane = a.lane, { standing } = a.breaker, t = a.token;
  const breaker = standing === 'closed' ? ['good', 'breaker closed'] : standing === 'open' ? ['bad', `breaker open, probe in ${a.breaker.probe_seconds} s`] : ['warn', 'breaker half-open'];
  const life = t && t.age_seconds + t.life_seconds;
  const token = t
    ? gauge('Token', `renewed in ${span(t.renewal_seconds)}, ends in ${span(t.life_seconds)}`, t.age_seconds / life, t.life_seconds < life / 10 ? 'bad-ink' : 'accent', (t.age_seconds + t.renewal_seconds) / life)
    : gauge('Token', 'none; fetched with the next call', 0, 'accent');
  const used = lane.per_minute ? lane.used_last_minute / lane.per_minute : 1;
  const failed = Object.entries(a.attempts.failed).map(([name, n]) => `${number(n)} ${name}`).join(', ');
  const skew = a.clock_skew_seconds;
  const slow = lane.rate_factor < 1 ? `, slowed to ${percent(lane.rate_factor)}` : lane.paused_seconds ? `, paused for ${lane.paused_seconds} s` : '';
  const card = make('article', 'card account',
    make('h3', '', a.name, make('span', `pill ${breaker[0]}`, breaker[1])),
    make('p', 'sub', [a.time_zone, `authorisation ${a.authorization}`, all.length > 1 && i === 0 ? 'the default' : null].filter(Boolean).join(' · ')),
    token,
    gauge('Calls in the last minute', `${number(lane.used_last_minute)} of ${number(lane.per_minute)}${slow}`, used, used > 0.9 || slow ? 'warn-ink' : 'accent'),
    make('dl', '',
      fact('Could go at once', number(lane.tokens)), fact('Under way', number(lane.under_way), `of ${lane.under_way_max}`), fact('Waiting', number(lane.waiting), `of ${lane.waiting_max}`),
      fact('Calls since the start', number(a.calls.ok)), fact('Attempts that failed', number(Object.values(a.attempts.failed).reduce((x, y) => x + y, 0))), fact('Clock skew', skew ? `${skew > 0 ? '+' : '−'}${span(Math.abs(skew))}` : 'none'),
      failed ? fact('Failed by class', failed, '', 'all') : null));
  card.dataset.account = a.name;
  return card;
}

function tier(t) {
  return make('article', 'card account',
    make('h3', '', 'Shared tier', make('span', `pill ${t.reachable ? 'good' : 'warn'}`, t.reachable ? 'reachable' : 'away: this replica goes on alone')),
    make('dl', '', fact('Found there', number(t.hits)), fact('Not found', number(t.misses)), fact('Put there', number(t.stored)),
      fact('Replicas', number(t.replicas)), fact('Failed commands', number(t.errors))));
}

// --- faults, attention, settings -----------------------------------------------------------------
function fault(f, now) {
  const ago = Math.max(0, (now - Date.parse(f.last)) / 1000), when = make('td', '', `${span(ago)} ago`);
  when.title = f.first === f.last ? f.last : `${f.first} to ${f.last}`;
  const code = [f.errcode && `errcode ${f.errcode}`, f.status && `HTTP ${f.status}`].filter(Boolean).join(', ');
  return make('tr', '', when, make('td', 'n', `×${number(f.times)}`), make('td', '', f.account ?? '–'),
    make('td', '', make('span', 'pill bad', f.class), code ? make('small', '', code) : null), make('td', '', f.advice, f.detail ? make('small', '', f.detail) : null));
}
function notices(list) {
  if (!list.length) return [make('p', 'notice good', 'Nothing needs attention.')];
  return list.map(a => make('p', `notice ${a.level}`, a.account ? make('b', '', a.account) : null, a.what, make('span', '', a.advice)));
}
let settings = '';
function showSettings(list) {
  const wanted = at('wanted').value.toLowerCase(), only = at('set-only').checked;
  const rows = list.filter(s => (!only || !s.is_default) && `${s.key} ${s.value} ${s.source}`.toLowerCase().includes(wanted));
  at('settings').querySelector('tbody').replaceChildren(...rows.map(s => make('tr', s.is_default ? '' : 'set', make('td', '', make('code', '', s.key)), make('td', '', make('code', '', s.value)), make('td', '', s.source))));
  at('settings-count').textContent = `${list.length} settings, ${list.filter(s => !s.is_default).length} set`;
}

// --- the whole, every few seconds ----------------------------------------------------------------
let last = null, lostAt = null, timer = null;
function show(body) {
  last = body;
  const bad = body.attention.some(a => a.level === 'critical'), ink = bad ? '#c02626' : body.attention.length ? '#d98a1c' : '#1f9d55';
  at('icon').href = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="${SVG}" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${ink}"/></svg>`)}`;
  document.title = `${body.attention.length ? `(${body.attention.length}) ` : ''}points-gateway · status`;
  at('phase').textContent = body.phase;
  at('phase').className = `pill ${body.phase === 'serving' ? 'good' : 'warn'}`;
  at('facts').textContent = `version ${body.version} · up ${span(body.uptime_seconds)} · since ${new Date(body.started_at).toLocaleString('en-GB')}`;
  at('window').textContent = body.last_hour.at.length ? `a point every ${body.last_hour.every_seconds} s` : 'the first point comes within 10 s';
  at('attention').replaceChildren(...notices(body.attention));
  for (const c of CHARTS) { c.body = body; plot(c); }
  at('accounts').replaceChildren(...body.accounts.map(account), ...(body.shared ? [tier(body.shared)] : []));
  at('faults').parentElement.hidden = !body.faults.length;
  at('no-faults').hidden = body.faults.length > 0;
  at('faults').tBodies[0].replaceChildren(...body.faults.map(f => fault(f, Date.parse(body.now))));
  const text = JSON.stringify(body.configuration);
  if (text !== settings) { settings = text; showSettings(body.configuration); }
  at('main').hidden = false;
}
function say(kind, text) {
  at('live').hidden = false;
  at('live').className = kind;
  at('live').lastElementChild.textContent = text;
}
async function ask() {
  const answer = await fetch('status.json', { signal: AbortSignal.timeout(PATIENCE), cache: 'no-store' });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  return answer.json();
}
function lose(error) {
  lostAt ??= new Date();
  const why = error.name === 'TimeoutError' ? `no answer within ${PATIENCE / 1000} s` : error instanceof TypeError ? 'no connection' : error.message;
  at('lost').textContent = `The gateway can't be reached since ${clock(lostAt)} (${why}). ${last ? `What follows is as of ${clock(last.now)}.` : ''}`;
  at('phase').textContent = 'out of reach';
  at('phase').className = 'pill bad';
  say('off', 'trying again');
}
function found(body) {
  lostAt = null;
  const selection = getSelection(), reading = last && !selection.isCollapsed && at('main').contains(selection.anchorNode);
  say(reading ? 'rest' : '', reading ? 'paused while text is selected' : `live · ${clock(body.now)}`);
  if (!reading) show(body);
}
async function look() {
  if (document.hidden) return say('rest', 'paused while hidden');
  const then = await ask().then(body => () => found(body), error => () => lose(error));
  clearTimeout(timer);
  timer = setTimeout(look, EVERY);
  then();
  at('lost').hidden = lostAt === null;
  document.body.classList.toggle('lost', lostAt !== null);
}
document.addEventListener('visibilitychange', look);
for (const id of ['wanted', 'set-only']) at(id).addEventListener('input', () => last && showSettings(last.configuration));
look();
