//! What moka does not do for us, pinned on the version in the lock file: why fetches are tasks of their own, failures
//! leave a pause, and a purge advances a generation. When one of these fails, moka has changed: look at the choice again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use moka::future::Cache;
use tokio::sync::{Notify, Semaphore};

#[tokio::test]
async fn the_first_caller_is_the_fetch_and_takes_it_along() {
    let cache: Cache<u8, u8> = Cache::new(10);
    let fetches = Arc::new(AtomicU32::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(Notify::new());
    let ask = || {
        let (cache, fetches, gate, begun) = (cache.clone(), fetches.clone(), gate.clone(), begun.clone());
        tokio::spawn(async move {
            let fetch = async {
                fetches.fetch_add(1, Ordering::SeqCst);
                begun.notify_one();
                gate.acquire().await.map_err(drop)?.forget();
                Ok::<_, ()>(7)
            };
            cache.try_get_with(1, fetch).await
        })
    };
    let leader = ask();
    begun.notified().await;
    let waiter = ask();
    tokio::task::yield_now().await;
    leader.abort();
    begun.notified().await; // the waiter starts it anew
    gate.add_permits(1);
    assert_eq!(waiter.await.unwrap(), Ok(7));
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn errors_are_not_remembered() {
    let cache: Cache<u8, u8> = Cache::new(10);
    let fetches = AtomicU32::new(0);
    for _ in 0..3 {
        let fetch = async {
            fetches.fetch_add(1, Ordering::SeqCst);
            Err::<u8, &str>("down")
        };
        assert!(cache.try_get_with(1, fetch).await.is_err());
    }
    assert_eq!(fetches.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_invalidate_during_a_fetch_is_undone_when_the_old_value_lands() {
    let cache: Cache<u8, &str> = Cache::new(10);
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let fetch = {
        let (cache, begun, gate) = (cache.clone(), begun.clone(), gate.clone());
        tokio::spawn(async move {
            let fetch = async {
                begun.notify_one();
                gate.acquire().await.unwrap().forget();
                "old"
            };
            cache.get_with(1, fetch).await
        })
    };
    begun.notified().await;
    cache.invalidate(&1).await;
    gate.add_permits(1);
    fetch.await.unwrap();
    assert_eq!(cache.get(&1).await, Some("old"));
}

#[tokio::test]
async fn a_waiter_panics_after_two_hundred_leaders_that_left() {
    const CALLERS: usize = 260;
    let cache: Cache<u8, u8> = Cache::new(10);
    let (begun, mut leaders) = tokio::sync::mpsc::unbounded_channel();
    let ask = |caller: usize| {
        let (cache, begun) = (cache.clone(), begun.clone());
        let fetch = async move {
            begun.send(caller).unwrap();
            std::future::pending::<u8>().await
        };
        tokio::spawn(async move { cache.get_with(1, fetch).await })
    };
    // All wait in line; whenever the one who fetches leaves, another one becomes the fetch.
    let mut callers: Vec<_> = (0..CALLERS).map(|caller| Some(ask(caller))).collect();
    let mut left = 0;
    while let Some(leader) = leaders.recv().await.filter(|_| left < CALLERS - 1) {
        callers[leader].take().unwrap().abort();
        left += 1;
        for _ in 0..CALLERS {
            tokio::task::yield_now().await; // everybody in line has had a turn
        }
        if callers.iter().flatten().any(tokio::task::JoinHandle::is_finished) {
            break;
        }
    }
    let panicked = callers.iter().flatten().filter(|caller| caller.is_finished()).count();
    callers.iter().flatten().for_each(tokio::task::JoinHandle::abort);
    assert!(panicked > 0, "{left} leaders left, and nobody minded");
    assert!((199..=202).contains(&left), "{left}");
}
