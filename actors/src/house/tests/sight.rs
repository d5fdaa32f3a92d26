//! Who sees what: list, search, counts, suggestions and detail agree (law 6).

use std::{collections::BTreeSet, time::Duration};

use ozg_protocols::{
    case::{Accept, Order},
    ids::CaseId,
    principal::Role,
    work_list::{Query, View},
};

use super::town::{PATIENCE, Town, application, erika, key, overseer, person};
use crate::{
    case::{Outcome, Ticket},
    supervise::AskError,
};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_not_see_a_case_cannot_tell_it_from_none() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let (paul, none) = (person("paul", Role::Caseworker, "99"), CaseId::from_u128(7));
    let ticket = Ticket { key: key(9), seen: 1 };
    let tenant = town.tenant();
    assert_eq!(tenant.show_case(&paul, case).await.err(), Some(AskError::NotFound));
    assert_eq!(tenant.show_case(&paul, none).await.err(), Some(AskError::NotFound));
    assert_eq!(tenant.order(&paul, case, Order::Accept(Accept), ticket).await, Err(AskError::NotFound));
    assert_eq!(tenant.order(&paul, none, Order::Accept(Accept), ticket).await, Err(AskError::NotFound));
    let rita = person("rita", Role::Mailroom, "1");
    assert_eq!(tenant.order(&rita, case, Order::Accept(Accept), ticket).await, Ok(Outcome::Forbidden));
    assert_eq!(tenant.clearing_items(&paul).await.err(), Some(AskError::Forbidden));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_the_orders_of_the_house() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let ticket = Ticket { key: key(9), seen: 1 };
    let outcome = town.tenant().order(&erika(), case, Order::Receive(application(1)), ticket).await;
    assert_eq!(outcome, Ok(Outcome::Forbidden));
    let outcome = town.door().order(case, Order::Accept(Accept), key(10), Vec::new()).await;
    assert_eq!(outcome, Ok(Outcome::Forbidden));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_search_counts_and_suggestions_agree_with_what_may_be_seen() {
    let town = Town::founded().await;
    let mut cases = Vec::new();
    for number in 1..=12 {
        cases.push(town.receives(number).await);
    }
    for (place, case) in cases.iter().enumerate().filter(|(place, _)| place % 2 == 0) {
        town.orders(&erika(), *case, Order::Accept(Accept), place as u64 + 500, 1).await;
    }
    town.shows(12).await;
    let list = town.tenant().work_list();
    let accepted = async {
        while list.counts(&erika()).mine < 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, accepted).await.expect("the views catch up");
    let people = [
        erika(),
        overseer(),
        person("paul", Role::Caseworker, "99"),
        person("rita", Role::Mailroom, "1"),
        person("bert", Role::Operations, "32"),
    ];
    for who in people {
        let mut visible = BTreeSet::new();
        for case in &cases {
            if town.tenant().show_case(&who, *case).await.is_ok() {
                visible.insert(*case);
            }
        }
        let query = |text: Option<&str>| Query {
            view: View::All,
            limit: 200,
            text: text.map(str::to_owned),
            ..Query::default()
        };
        for text in [None, Some("hundesteuer"), Some("oztu")] {
            let page = list.page(&who, &query(text));
            let listed: BTreeSet<_> = page.rows.iter().map(|row| row.case).collect();
            assert_eq!((listed, page.total), (visible.clone(), visible.len() as u64), "{who:?} {text:?}");
        }
        assert_eq!(list.counts(&who).all, visible.len() as u64);
        let suggested: BTreeSet<_> =
            list.suggest(&who, "Öztürk", 100).into_iter().filter_map(|suggestion| suggestion.case).collect();
        assert_eq!(suggested, visible);
        let places = cases.iter().filter(|case| list.neighbours(&who, &query(None), **case).position.is_some()).count();
        assert_eq!(places, visible.len());
    }
    town.closes().await;
}
