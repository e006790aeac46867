//! Pages of any size are cut from the same chunks.

use crate::support::{Stage, rows};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_size_gives_the_same_rows_for_thirteen_calls_in_all() {
    let stage = Stage::start().await;
    let mut expected: Option<Vec<String>> = None;
    for size in [100, 1, 10, 20, 33, 50] {
        let mut all = Vec::new();
        for number in 1.. {
            let path = format!("/members/1006/points-history?page={number}&page_size={size}");
            let page = stage.get(&path).await.page();
            assert_eq!((page.total, u32::from(page.page_size)), (1_234, size));
            all.extend(rows(&page));
            if number == page.total_pages {
                break;
            }
        }
        assert_eq!(all.len(), 1_234);
        assert_eq!(expected.get_or_insert(all.clone()), &all, "page size {size}");
    }
    assert!(stage.record_calls() <= 13, "{}", stage.record_calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn links_walk_the_whole_ledger_both_ways() {
    let stage = Stage::start().await;
    let link = |reply: &crate::support::Reply, rel: &str| {
        let found = reply.header("link").split(", ").find(|l| l.ends_with(&format!("rel=\"{rel}\"")));
        found.map(|l| l[1..l.find('>').unwrap()].to_owned())
    };
    let path = "/members/1005/points-history";
    let first = stage.get(&format!("{path}?page_size=33&type=001")).await;
    let mut forward = vec![rows(&first.page())];
    let mut here = first;
    while let Some(next) = link(&here, "next") {
        here = stage.get(&format!("{path}{next}")).await;
        forward.push(rows(&here.page()));
    }
    assert!(forward.len() > 1);
    let last = link(&here, "last").unwrap();
    assert_eq!(rows(&stage.get(&format!("{path}{last}")).await.page()), *forward.last().unwrap());
    let mut backward = vec![rows(&here.page())];
    while let Some(prev) = link(&here, "prev") {
        here = stage.get(&format!("{path}{prev}")).await;
        backward.push(rows(&here.page()));
    }
    backward.reverse();
    assert_eq!(forward, backward);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_across_two_chunks_costs_two_calls_and_the_next_none() {
    let stage = Stage::start().await;
    stage.get("/members/1006/points-history?page=3&page_size=40").await.page();
    assert_eq!(stage.record_calls(), 2);
    stage.get("/members/1006/points-history?page=2&page_size=99").await.page();
    assert_eq!(stage.record_calls(), 2);
}
