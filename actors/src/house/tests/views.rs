//! Views: complete, ordered, equal after a rebuild (law 3).

use std::{collections::HashSet, time::Duration};

use ozg_protocols::{
    case::{Accept, Order},
    ids::CaseId,
    work_list::{Query, SortBy, View},
};

use super::town::{PATIENCE, Town, erika, overseer};
use crate::views::{Change, ChangeFeed};

#[tokio::test(flavor = "multi_thread")]
async fn views_are_equal_after_they_are_rebuilt() {
    let town = Town::founded().await;
    for number in 1..=20 {
        let case = town.receives(number).await;
        if number % 3 == 0 {
            town.orders(&erika(), case, Order::Accept(Accept), number + 500, 1).await;
        }
    }
    town.shows(20).await;
    let all = Query { view: View::All, limit: 200, ..Query::default() };
    let up_to_date = async {
        while town.tenant().work_list().counts(&erika()).mine < 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, up_to_date).await.expect("the views catch up");
    let before = town.tenant().work_list().page(&overseer(), &all);
    let counts = town.tenant().work_list().counts(&erika());
    let directory = town.closes().await;
    let town = Town::again(directory).await;
    town.shows(20).await;
    assert_eq!(town.tenant().work_list().page(&overseer(), &all), before, "from the file that was kept");
    assert_eq!(town.tenant().work_list().counts(&erika()), counts);
    let directory = town.closes().await;
    let kept = directory.path().join("data/musterstadt/index");
    let files: Vec<_> = std::fs::read_dir(&kept).expect("there").map(|file| file.expect("there").path()).collect();
    assert_eq!(files.len(), 1);
    std::fs::remove_file(&files[0]).expect("removed");
    let town = Town::again(directory).await;
    town.shows(20).await;
    assert_eq!(town.tenant().work_list().page(&overseer(), &all), before, "from the journal");
    let directory = town.closes().await;
    std::fs::write(&files[0], b"damaged").expect("written");
    let town = Town::again(directory).await;
    town.shows(20).await;
    assert_eq!(town.tenant().work_list().page(&overseer(), &all), before, "in doubt from the journal");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_shows_every_case_once_in_every_order() {
    let town = Town::founded().await;
    for number in 1..=25 {
        town.receives(number).await;
    }
    town.shows(25).await;
    let list = town.tenant().work_list();
    for sort in [SortBy::Received, SortBy::Changed, SortBy::Applicant, SortBy::Number, SortBy::Status] {
        for descending in [false, true] {
            let mut query = Query { view: View::All, limit: 7, sort, descending, ..Query::default() };
            let mut seen = Vec::new();
            loop {
                let page = list.page(&erika(), &query);
                assert_eq!(page.total, 25);
                seen.extend(page.rows.iter().map(|row| row.case));
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
            let different: HashSet<_> = seen.iter().collect();
            assert_eq!((seen.len(), different.len()), (25, 25), "{sort:?} {descending}");
        }
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_an_order_to_be_shown_finds_it_counted() {
    let town = Town::founded().await;
    let (tenant, list) = (town.tenant(), town.tenant().work_list());
    for number in 1..=10 {
        let case = town.receives(number).await;
        assert!(tenant.shows(case, 1).await);
        town.orders(&erika(), case, Order::Accept(Accept), number + 500, 1).await;
        let version = tenant.show_case(&erika(), case).await.expect("is there").version;
        assert!(tenant.shows(case, version).await);
        assert_eq!(list.counts(&erika()).mine, number);
    }
    assert!(!tenant.shows(CaseId::from_u128(1), 1).await, "nobody waits forever for what does not come");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_hears_of_a_change_that_the_list_shows() {
    let town = Town::founded().await;
    let mut feed = town.tenant().changes();
    let case = town.receives(1).await;
    hears_of(&town, &mut feed, case).await;
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_hears_of_what_came_while_the_views_were_rebuilt() {
    let town = Town::founded().await;
    let mut feed = town.tenant().changes();
    let case = town.receives(1).await;
    hears_of(&town, &mut feed, case).await;
    for number in 2..6 {
        let writer = town.house.staff().into_iter().find(|member| member.report().class == "views").expect("there");
        assert!(writer.kill());
        let case = town.receives(number).await;
        hears_of(&town, &mut feed, case).await;
    }
    town.closes().await;
}

/// Waits for word of a case: of the case itself, or that all has to be loaded again when the list shows it already.
async fn hears_of(town: &Town, feed: &mut ChangeFeed, case: CaseId) {
    let list = town.tenant().work_list();
    let shown = || list.row(&overseer(), &Query::default(), case).is_some();
    let heard = async {
        loop {
            match feed.next().await.expect("the house is there") {
                Change::Case { case: changed, record } if changed == case => {
                    assert!(list.counts(&overseer()).as_of >= record && shown());
                    break;
                }
                Change::Missed if shown() => break,
                Change::Missed | Change::Case { .. } | Change::Tray { .. } => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("in time");
}
