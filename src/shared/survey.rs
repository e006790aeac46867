//! A look at the tier for whoever wants to know whether it will do: can it be reached, how fast, what is it, does it take
//! what this gateway asks of it, and would it throw away or keep the wrong things?
//!
//! It writes one key of its own, which it deletes, and tells nobody's secrets: texts of errors, which may quote names of
//! users, are cut down to their codes.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, PushInfo};
use tokio::time::{Instant, timeout};

use super::lease::new_name;
use super::link::{client, what};
use super::script::Script;
use super::{SharedError, SharedSettings, seal};

/// Everything together.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions whose times are compared; the quickest counts.
const PINGS: usize = 5;
/// Codes and versions are shorter.
const MOST_CHARACTERS: usize = 40;

/// Tries every command that the scripts of this gateway use on a key that is deleted again; gives those that are refused.
const TRY: &str = "local refused = {} \
    local function try(name, ...) local answer = redis.pcall(name, ...) \
        if type(answer) == 'table' and answer.err then table.insert(refused, name) table.insert(refused, answer.err) end \
    end \
    local key, channel = KEYS[1], ARGV[1] \
    try('TIME') try('SET', key, '1', 'NX', 'PX', 1000) try('GET', key) try('EXISTS', key) try('PTTL', key) \
    try('PEXPIRE', key, 1000) try('INCR', key) try('DEL', key) try('RPUSH', key, 'a') try('LPUSH', key, 'b') \
    try('LTRIM', key, 0, 1) try('LRANGE', key, 0, 1) try('LINDEX', key, 0) try('DEL', key) \
    try('PUBLISH', channel, '0') return refused";

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The quickest of a few questions, there and back.
    pub round_trip: Duration,
    /// Name and version, where the user may ask for them.
    pub server: Option<String>,
    /// Commands that are refused, each with the code of the refusal.
    pub refused: Vec<(String, String)>,
    /// `maxmemory-policy`, where there is a limit.
    pub eviction: Option<String>,
    /// Whether anything is kept on disk, where the user may ask.
    pub keeps: Option<bool>,
}

/// Why nothing was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// Nobody answers.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// A code such as `WRONGPASS`, or the kind of a failure to connect.
    #[error("{0}")]
    Refused(String),
}

/// Looks at the tier of `settings`; `None` where there is none.
///
/// # Errors
/// [`SharedError`] for what can't even be tried.
pub async fn survey(
    settings: &SharedSettings,
    client_of: &seal::Client<'_>,
) -> Result<Option<Result<Survey, Barred>>, SharedError> {
    let Some(url) = &settings.url else { return Ok(None) };
    let (client, seal) = (client(url)?, seal::Seal::new(client_of).ok_or(SharedError::Key)?);
    let found = timeout(PATIENCE, look(&client, &seal)).await;
    Ok(Some(match found {
        Ok(found) => found.map_err(|error| Barred::Refused(what(&error))),
        Err(_) => Err(Barred::Silent(PATIENCE)),
    }))
}

async fn look(client: &redis::Client, seal: &seal::Seal) -> redis::RedisResult<Survey> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_push_sender(|_: PushInfo| Ok::<(), SendError>(()));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut survey = Survey { round_trip: Duration::MAX, ..Survey::default() };
    for _ in 0..PINGS {
        let begun = Instant::now();
        redis::cmd("PING").exec_async(&mut connection).await?;
        survey.round_trip = survey.round_trip.min(begun.elapsed());
    }
    survey.refused = refused(&mut connection, seal).await;
    // The rest is for administrators: a user of the gateway's own need not be one.
    let info = redis::cmd("INFO").query_async::<String>(&mut connection).await.unwrap_or_default();
    let line = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let named = |name: &str, version| Some(plain(&format!("{name} {}", line(version)?)));
    survey.server = named("Valkey", "valkey_version").or_else(|| named("Redis", "redis_version"));
    let limited = line("maxmemory").is_some_and(|bytes| bytes != "0");
    survey.eviction = line("maxmemory_policy").filter(|_| limited).map(plain);
    let mut save = redis::cmd("CONFIG");
    save.arg("GET").arg("save");
    let save = save.query_async::<Vec<(String, String)>>(&mut connection).await.ok();
    let snapshots = save.and_then(|pairs| Some(!pairs.first()?.1.is_empty()));
    survey.keeps = match (line("aof_enabled"), snapshots) {
        (Some("1"), _) | (_, Some(true)) => Some(true),
        (_, snapshots) => snapshots,
    };
    Ok(survey)
}

async fn refused(connection: &mut MultiplexedConnection, seal: &seal::Seal) -> Vec<(String, String)> {
    let key = seal.key(&["doctor", &new_name()]);
    let bell = seal.key(&["purge-bell"]);
    let mut ask = Script::new(TRY).on(&[&key]);
    ask.arg(seal.key(&["doctor-bell"]));
    let mut refused = Vec::new();
    match ask.query_async::<Vec<String>>(connection).await {
        Ok(told) => {
            for pair in told.chunks_exact(2) {
                let [name, why] = pair else { continue };
                refused.push((name.clone(), plain(why.split(' ').next().unwrap_or_default())));
            }
        }
        Err(error) => refused.push(("EVAL".to_owned(), what(&error))),
    }
    let mut pair = redis::pipe();
    let pair = pair.atomic().get(&key).pttl(&key).query_async::<(Option<String>, i64)>(connection).await;
    if let Err(error) = pair {
        refused.push(("MULTI".to_owned(), what(&error)));
    }
    if let Err(error) = connection.subscribe(&bell).await {
        refused.push(("SUBSCRIBE".to_owned(), what(&error)));
    }
    refused.dedup();
    refused
}

/// A word from outside, fit for a terminal.
fn plain(text: &str) -> String {
    let fit = |c: &char| c.is_ascii_alphanumeric() || " ._-".contains(*c);
    text.chars().filter(fit).take(MOST_CHARACTERS).collect()
}
