//! Who gets a turn, when, and who is told to come back later.

use tokio::task::JoinHandle;

use super::*;

fn settings(per_minute: u32, burst: u32) -> LaneSettings {
    LaneSettings { per_minute, burst, concurrency: 4, queue: 8, ..LaneSettings::default() }
}

fn seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

async fn enter(lane: &Lane, deadline: Instant) -> Result<Turn<'_>, KingdeeError> {
    lane.enter(Call::alone(Priority::User, deadline)).await
}

/// One call that ends as it is told.
async fn call(lane: &Lane, verdict: Verdict) {
    enter(lane, seconds(60)).await.unwrap().end(verdict, None);
}

fn new(settings: &LaneSettings) -> Lane {
    Lane::new(settings, None, Clock::manual(jiff::Timestamp::UNIX_EPOCH))
}

fn lane(settings: &LaneSettings) -> Arc<Lane> {
    Arc::new(new(settings))
}

#[tokio::test(start_paused = true)]
async fn no_minute_sees_more_than_the_quota() {
    for (per_minute, burst) in [(60, 10), (450, 45), (1, 1), (2, 2), (7, 100), (100, 0)] {
        let lane = new(&settings(per_minute, burst));
        let mut turns = Vec::new();
        for _ in 0..per_minute * 3 {
            drop(enter(&lane, seconds(600)).await.unwrap());
            turns.push(Instant::now());
        }
        let most = turns
            .iter()
            .map(|from| turns.iter().filter(|t| **t >= *from && **t < *from + MINUTE).count())
            .max();
        // Exactly the quota: no more, and no less once it is under way.
        assert_eq!(most, Some(per_minute as usize), "{per_minute} with {burst} at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_lane_lets_its_burst_through_at_once() {
    let lane = new(&settings(60, 10));
    let start = Instant::now();
    for _ in 0..10 {
        drop(enter(&lane, seconds(1)).await.unwrap());
    }
    assert_eq!(Instant::now(), start);
    drop(enter(&lane, seconds(5)).await.unwrap());
    assert!(Instant::now() > start);
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_at_once_and_costs_nothing() {
    let lane = new(&settings(6, 1));
    drop(enter(&lane, seconds(1)).await.unwrap());
    let start = Instant::now();
    for _ in 0..100 {
        let error = enter(&lane, seconds(5)).await.unwrap_err();
        assert_eq!((error.failure, error.retry_after), (Failure::LaneFull, Some(Duration::from_secs(11))));
    }
    assert_eq!(Instant::now(), start);
    drop(enter(&lane, seconds(11)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_closed_lane_says_so() {
    let error = enter(&new(&settings(0, 1)), seconds(600)).await.unwrap_err();
    assert_eq!((error.failure, error.retry_after), (Failure::LaneFull, Some(Duration::from_secs(61))));
}

#[tokio::test(start_paused = true)]
async fn one_more_than_may_wait_is_refused_at_once() {
    let lane = new(&LaneSettings { concurrency: 1, queue: 2, ..settings(6000, 100) });
    let turn = enter(&lane, seconds(1)).await.unwrap();
    let waits = || enter(&lane, seconds(9));
    let (first, second, third) = tokio::join!(biased; waits(), waits(), async {
        let refused = waits().await;
        drop(turn);
        refused
    });
    assert!(third.is_err() && first.is_ok());
    assert!(second.is_err(), "the first keeps its turn till the end of the test");
    assert_eq!(lane.snapshot().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_may_wait_where_there_is_no_seat_and_a_free_lane_needs_none() {
    let lane = new(&LaneSettings { queue: 0, ..settings(60, 2) });
    drop(enter(&lane, seconds(9)).await.unwrap());
    drop(enter(&lane, seconds(9)).await.unwrap());
    assert!(enter(&lane, seconds(9)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_no_seat_behind_and_passes_its_turn_on() {
    let lane = lane(&LaneSettings { concurrency: 1, ..settings(6000, 100) });
    let turn = enter(&lane, seconds(1)).await.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(1), enter(&lane, seconds(9))).await;
    assert!(gone.is_err());
    assert_eq!(lane.snapshot().waiting, 0);
    // Rung for and dropped before it looked: the next one must hear of it.
    let waiting = [spawn_call(&lane, Priority::User), spawn_call(&lane, Priority::User)];
    tokio::task::yield_now().await;
    assert_eq!(lane.snapshot().waiting, 2);
    drop(turn);
    let [first, second] = waiting;
    first.abort();
    assert!(second.await.unwrap().is_some());
    assert_eq!((lane.snapshot().waiting, lane.snapshot().under_way), (0, 0));
}

/// Enters, leaves at once, tells when.
fn spawn_call(lane: &Arc<Lane>, priority: Priority) -> JoinHandle<Option<Instant>> {
    let lane = lane.clone();
    tokio::spawn(async move {
        let turn = lane.enter(Call::alone(priority, seconds(30))).await.ok()?;
        drop(turn);
        Some(Instant::now())
    })
}

#[tokio::test(start_paused = true)]
async fn users_go_before_refreshes_before_exports_whenever_they_came() {
    let lane = lane(&LaneSettings { queue: 100, ..settings(60, 1) });
    drop(enter(&lane, seconds(1)).await.unwrap());
    let order = [
        Priority::Export,
        Priority::Refresh,
        Priority::User,
        Priority::Export,
        Priority::User,
        Priority::Refresh,
    ];
    let mut calls = Vec::new();
    for priority in order {
        calls.push((priority, spawn_call(&lane, priority)));
        tokio::task::yield_now().await;
    }
    let mut went = Vec::new();
    for (place, (priority, call)) in calls.into_iter().enumerate() {
        went.push((call.await.unwrap().unwrap(), priority, place));
    }
    went.sort_unstable_by_key(|(at, ..)| *at);
    let went: Vec<_> = went.iter().map(|(_, priority, place)| (*priority, *place)).collect();
    let (user, refresh, export) = (Priority::User, Priority::Refresh, Priority::Export);
    assert_eq!(went, [(user, 2), (user, 4), (refresh, 1), (refresh, 5), (export, 0), (export, 3)]);
}

#[tokio::test(start_paused = true)]
async fn lower_priorities_are_refused_while_there_are_seats_for_users() {
    let lane = lane(&settings(60, 1));
    drop(enter(&lane, seconds(1)).await.unwrap());
    let mut seated = Vec::new();
    for (priority, seats) in [(Priority::Export, 2), (Priority::Refresh, 2), (Priority::User, 4)] {
        for _ in 0..seats {
            seated.push(spawn_call(&lane, priority));
            tokio::task::yield_now().await;
        }
        let error = lane.enter(Call::alone(priority, seconds(30))).await.unwrap_err();
        assert_eq!(error.failure, Failure::LaneFull, "{priority:?}");
    }
    assert_eq!(lane.snapshot().waiting, 8);
    for call in seated {
        assert!(call.await.unwrap().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_those_in_time_are_served_and_the_others_hear_when_to_come_back() {
    let lane = lane(&LaneSettings { concurrency: 16, queue: 256, ..settings(450, 45) });
    let start = Instant::now();
    let crowd: Vec<_> = (0..3000)
        .map(|n| {
            let lane = lane.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(n * 10 / 3)).await;
                let outcome = enter(&lane, seconds(8)).await.map(drop);
                (Instant::now(), outcome)
            })
        })
        .collect();
    let (mut served, mut told) = (Vec::new(), Vec::new());
    for caller in crowd {
        match caller.await.unwrap() {
            (at, Ok(())) => served.push(at),
            (at, Err(error)) => told.push((at, error.retry_after.unwrap())),
        }
    }
    assert!(served.len() + told.len() == 3000 && served.len() > 100, "{}", served.len());
    assert!(served.iter().all(|at| *at < start + Duration::from_secs(19)));
    // Honest: whoever comes back then, alone, is served within a whole call's time.
    let (at, wait) = *told.last().unwrap();
    tokio::time::sleep_until(at + wait).await;
    drop(enter(&lane, Instant::now() + Duration::from_millis(200)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_slows_those_who_wait_already() {
    let lane = lane(&LaneSettings { concurrency: 2, queue: 100, ..settings(600, 1) });
    let turn = enter(&lane, seconds(1)).await.unwrap();
    let waiting: Vec<_> = (0..40).map(|_| spawn_call(&lane, Priority::User)).collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    turn.end(Verdict::Refuses, None);
    assert_eq!(lane.snapshot().rate_factor, 0.5);
    let mut went = Vec::new();
    for call in waiting {
        went.push(call.await.unwrap().unwrap().duration_since(start));
    }
    let in_first = went.iter().filter(|at| **at <= Duration::from_secs(2)).count();
    assert!((9..=12).contains(&in_first), "half of the twenty of two seconds: {in_first}");
    assert!(lane.snapshot().rate_factor > 0.5);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(lane.snapshot().rate_factor, 1.0);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_by_everybody() {
    let lane = lane(&settings(600, 60));
    let start = Instant::now();
    let turn = enter(&lane, seconds(1)).await.unwrap();
    turn.end(Verdict::Refuses, Some(Duration::from_secs(20)));
    assert_eq!(lane.snapshot().paused_for, Duration::from_secs(20));
    let error = enter(&lane, seconds(8)).await.unwrap_err();
    assert_eq!((error.failure, error.retry_after), (Failure::LaneFull, Some(Duration::from_secs(21))));
    let turn = enter(&lane, seconds(30)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
    drop(turn);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_answers_at_once_even_those_who_wait() {
    let lane = lane(&LaneSettings { concurrency: 16, ..settings(60, 20) });
    for _ in 0..9 {
        call(&lane, Verdict::Fails).await;
    }
    let last = enter(&lane, seconds(1)).await.unwrap();
    for _ in 0..10 {
        call(&lane, Verdict::Unknown).await;
    }
    let waiting = spawn_call(&lane, Priority::User);
    tokio::task::yield_now().await;
    assert_eq!((lane.snapshot().waiting, lane.snapshot().breaker), (1, Standing::Closed));
    let start = Instant::now();
    last.end(Verdict::Fails, None);
    assert_eq!(waiting.await.unwrap(), None);
    let error = enter(&lane, seconds(8)).await.unwrap_err();
    assert_eq!((error.failure, error.retry_after), (Failure::LaneFull, Some(Duration::from_secs(2))));
    assert_eq!(Instant::now(), start);
    assert_eq!(lane.snapshot().breaker, Standing::Open);
}

#[tokio::test(start_paused = true)]
async fn one_probe_goes_first_and_closes_the_breaker_for_all() {
    let lane = lane(&LaneSettings { concurrency: 16, ..settings(6000, 1000) });
    for _ in 0..10 {
        call(&lane, Verdict::Fails).await;
    }
    lane.clock.advance(Duration::from_secs(1));
    let probe = enter(&lane, seconds(8)).await.unwrap();
    assert!(enter(&lane, seconds(8)).await.is_err(), "one at a time");
    drop(probe);
    let probe = enter(&lane, seconds(8)).await.unwrap();
    probe.end(Verdict::Answers, None);
    for _ in 0..20 {
        call(&lane, Verdict::Answers).await;
    }
    assert_eq!(lane.snapshot().breaker, Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_looked_into_stays_the_only_one_until_it_is_judged() {
    let lane = lane(&LaneSettings { concurrency: 1, ..settings(6000, 1000) });
    for _ in 0..10 {
        call(&lane, Verdict::Fails).await;
    }
    lane.clock.advance(Duration::from_secs(1));
    let suspect = enter(&lane, seconds(1)).await.unwrap().suspend();
    assert_eq!(lane.snapshot().under_way, 0, "its place is free");
    assert!(enter(&lane, seconds(1)).await.is_err(), "but nobody else may probe");
    drop(suspect);
    let suspect = enter(&lane, seconds(1)).await.unwrap().suspend();
    suspect.fails();
    let error = enter(&lane, seconds(1)).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(3)), "twice the first pause");
}

/// Somebody who comes while others do: how long until the turn, how much time is left then; `None` if refused, at once.
async fn one_of_many(lane: Arc<Lane>, takes_millis: u64) -> Option<(Duration, Duration)> {
    let (came, deadline) = (Instant::now(), seconds(8));
    let turn = match enter(&lane, deadline).await {
        Ok(turn) => turn,
        Err(refused) => {
            assert_eq!(came.elapsed(), Duration::ZERO, "{refused}");
            assert!(refused.retry_after.is_some_and(|wait| wait <= Duration::from_secs(9)));
            return None;
        }
    };
    let (waited, left) = (came.elapsed(), deadline - Instant::now());
    tokio::time::sleep(Duration::from_millis(takes_millis)).await;
    turn.end(Verdict::Answers, None);
    Some((waited, left))
}

/// The rate, or four calls at once of 200 ms: about as many a second.
#[rstest::rstest]
#[case::of_the_rate(LaneSettings { concurrency: 100, queue: 256, ..settings(1200, 20) }, 200)]
#[case::of_the_places(LaneSettings { concurrency: 4, queue: 256, ..settings(60_000, 20) }, 200)]
#[case::with_one_waiting_now_and_then(LaneSettings { concurrency: 100, queue: 256, ..settings(1200, 20) }, 20)]
#[tokio::test(start_paused = true)]
async fn in_a_crowd_ten_times_too_large_nobody_waits_for_nothing_and_it_is_forgotten_in_two_seconds(
    #[case] settings: LaneSettings,
    #[case] takes_millis: u64,
) {
    let lane = lane(&settings);
    let mut calls = Vec::new();
    for _ in 0..200 * 30 {
        calls.push((Instant::now(), tokio::spawn(one_of_many(lane.clone(), takes_millis))));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (half, end) = (calls[100 * 30].0, Instant::now());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((lane.snapshot().waiting, lane.snapshot().under_way), (0, 0), "a second later");
    assert_eq!(one_of_many(lane.clone(), 0).await.map(|(waited, _)| waited), Some(Duration::ZERO));
    let mut served = 0;
    for (came, call) in calls {
        let Some((waited, left)) = call.await.unwrap() else { continue };
        served += 1;
        assert!(left >= Duration::from_millis(takes_millis), "a call that can't end in time: {left:?}");
        assert!(came < half || waited <= Duration::from_millis(210), "{waited:?} after {:?}", end - came);
    }
    assert!((580..=640).contains(&served), "no turn is left unused: {served}");
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_the_rate_serves_in_time_is_served_whole() {
    let lane = lane(&LaneSettings { queue: 256, ..settings(1200, 20) });
    for _ in 0..5 {
        let burst: Vec<_> = (0..120).map(|_| tokio::spawn(one_of_many(lane.clone(), 200))).collect();
        for call in burst {
            assert!(call.await.unwrap().is_some());
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}
