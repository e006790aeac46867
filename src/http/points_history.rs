//! `GET /members/{member_id}/points-history`: one page of one member's points records.
//!
//! In reading order: what is documented ([`schema`], [`responses`]), from bytes to a question ([`ask`], [`cursor`]), from a page to
//! bytes ([`body`], [`reply`]). Most requests never get past [`PointsHistory::without_waiting`].

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Seen};
use super::caching::{self, Heads};
use super::problem::{Kind, Problem};
use super::request_id::{self, RequestId};
use crate::clock::Tick;
use crate::domain::account::AccountIndex;
use crate::domain::query::HistoryQuery;
use crate::history::{History, Wish};
use crate::telemetry::trace::Context;
use crate::telemetry::trace::names::spans;

pub mod schema;
mod responses;
mod ask;
mod cursor;
mod body;
mod reply;
pub mod parsers;

pub use ask::Account;
pub(crate) use ask::{Route, member_text, route};
pub use cursor::CursorKeys;

use responses::Responses;
use schema::{AccountPath, MemberPath, PointsHistoryParameters, RequestHeaders};

/// Template of the route that means the default account set.
pub(crate) const PATH: &str = "/members/{member_id}/points-history";
/// Template of the route that names an account set.
pub(crate) const PATH_OF_ACCOUNT: &str = "/accounts/{account}/members/{member_id}/points-history";

/// The endpoint. Clones share everything.
#[derive(Clone)]
pub struct PointsHistory {
    history: History,
    rules: Arc<ArcSwap<Rules>>,
}

/// What is in force; taken once for each request.
struct Rules {
    accounts: Vec<Account>,
    heads: Heads,
}

/// Everything about a request that matters here.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub route: Route<'a>,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub id: &'a RequestId,
    /// Where in a trace the request is; nowhere for most.
    pub trace: Option<&'a Context>,
}

impl PointsHistory {
    /// The endpoint over `history`; the first of `accounts` is the default one.
    pub fn new(history: History, accounts: Vec<Account>) -> PointsHistory {
        let rules = Rules::new(&history, accounts);
        PointsHistory { history, rules: Arc::new(ArcSwap::from_pointee(rules)) }
    }

    /// From now on these account sets, as many as before, and headers that say what the history's rules say now. Cursors
    /// that were written before can still be read.
    pub fn adopt(&self, mut accounts: Vec<Account>) {
        for (account, before) in accounts.iter_mut().zip(&self.rules.load().accounts) {
            account.cursor_keys = account.cursor_keys.after(before.cursor_keys);
        }
        self.rules.store(Arc::new(Rules::new(&self.history, accounts)));
    }

    /// The answer, if it needs no waiting: rows in memory, or a question that can't be answered anyway.
    pub(crate) fn without_waiting(&self, asked: Asked<'_>, began: Instant) -> Option<Answer> {
        let rules = self.rules.load();
        let (query, account) = match rules.read(asked) {
            Ok(question) => question,
            Err(problem) => return Some(problem.into_answer(asked.id)),
        };
        let wish = caching::wish(asked.headers);
        if wish == Wish::Fresh {
            return None;
        }
        let now = self.history.clock().tick_at(began);
        let look = || self.history.cached(&query, wish, now);
        let page = match asked.trace {
            None => look(),
            Some(place) => {
                let _span = place.span(spans::LOOK_UP);
                place.clone().cover_now(look) // a refresh that it starts is part of the trace
            }
        }?;
        Some(rules.reply(&page, &query, account, asked, now))
    }

    /// The answer, from memory or from Kingdee.
    pub(crate) async fn answer(&self, asked: Asked<'_>) -> Answer {
        let rules = self.rules.load_full();
        let (query, account) = match rules.read(asked) {
            Ok(question) => question,
            Err(problem) => return problem.into_answer(asked.id),
        };
        let wish = caching::wish(asked.headers);
        let began = tokio::time::Instant::now();
        let page = self.history.page(&query, wish).await;
        let upstream = began.elapsed(); // looking in memory besides takes microseconds
        let mut answer = match page {
            Ok(page) => rules.reply(&page, &query, account, asked, self.history.clock().tick()),
            Err(error) => {
                let mut answer = Problem::from(error).into_answer(asked.id);
                let status = caching::cache_status_of_failure(wish);
                answer.response.headers_mut().insert(caching::CACHE_STATUS, status);
                answer
            }
        };
        answer.seen.upstream = Some(upstream);
        answer
    }
}

impl Rules {
    fn new(history: &History, accounts: Vec<Account>) -> Rules {
        Rules { accounts, heads: Heads::new(&history.rules().history.freshness) }
    }

    fn read(&self, asked: Asked<'_>) -> Result<(HistoryQuery, &Account), Problem> {
        let number = match asked.route.account {
            None => Some(0),
            Some(name) => self.accounts.iter().position(|a| a.name == name),
        };
        let known = number.and_then(|n| Some((AccountIndex(u16::try_from(n).ok()?), self.accounts.get(n)?)));
        let (index, account) = known.ok_or_else(|| Problem::new(Kind::NotFound))?;
        let query = ask::read(index, account, asked.route.member, asked.query).map_err(Problem::invalid)?;
        Ok((query, account))
    }

    fn reply(
        &self,
        page: &crate::history::Page,
        query: &HistoryQuery,
        account: &Account,
        asked: Asked<'_>,
        now: Tick,
    ) -> Answer {
        let response = reply::render(page, query, account, now, &self.heads, asked);
        let age = Some(page.age(now).as_secs());
        Answer { response, seen: Seen { outcome: page.outcome.label(), age, upstream: None } }
    }
}

/// The routes, with their documentation.
pub(crate) fn routes() -> OpenApiRouter<PointsHistory> {
    OpenApiRouter::new().routes(routes!(of_member)).routes(routes!(of_member_in_account))
}

/// A member's points history (会员积分流水)
///
/// One page of the points records of one member, in the order in which Kingdee lists them. An unknown member and a member
/// without records look alike: an empty list. Answers come from a cache; `as_of`, `Age` and `Cache-Status` say how old they
/// are, and `Cache-Control: no-cache` asks for fresh ones.
#[utoipa::path(
    get,
    path = PATH,
    tag = "Points history",
    operation_id = "getPointsHistory",
    params(MemberPath, PointsHistoryParameters, RequestHeaders),
    responses(Responses)
)]
async fn of_member(State(endpoint): State<PointsHistory>, request: Request) -> Response {
    handle(endpoint, request).await
}

/// A member's points history in a named account set (账套)
///
/// As `/members/{member_id}/points-history`, which means the default account set.
#[utoipa::path(
    get,
    path = PATH_OF_ACCOUNT,
    tag = "Points history",
    operation_id = "getPointsHistoryOfAccount",
    params(AccountPath, MemberPath, PointsHistoryParameters, RequestHeaders),
    responses(Responses)
)]
async fn of_member_in_account(State(endpoint): State<PointsHistory>, request: Request) -> Response {
    handle(endpoint, request).await
}

async fn handle(endpoint: PointsHistory, request: Request) -> Response {
    let (parts, _no_body) = request.into_parts();
    let id = request_id::of(&parts.extensions);
    let Some(route) = route(parts.uri.path()) else {
        return Problem::new(Kind::NotFound).into_response(&id).map(Body::from);
    };
    let asked = Asked { route, query: parts.uri.query(), headers: &parts.headers, id: &id, trace: None };
    endpoint.answer(asked).await.into_axum()
}
