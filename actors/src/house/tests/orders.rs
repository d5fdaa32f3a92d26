//! Orders: who wins, who is stale, and what a repetition gets (laws 1 and 2).

use ozg_protocols::{
    case::{Accept, AddComment, Assign, Discard, Order, Refusal, StartWork},
    ids::CommentId,
};

use super::town::{Town, application, erika, key, max};
use crate::case::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_who_accept_the_same_case_exactly_one_does() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let (erika, max) = (erika(), max());
    let (one, other) = tokio::join!(
        town.orders(&erika, case, Order::Accept(Accept), 1, 1),
        town.orders(&max, case, Order::Accept(Accept), 2, 1),
    );
    let done = |outcome: &Outcome| *outcome == Outcome::Done { version: 3 };
    let stale = |outcome: &Outcome| matches!(outcome, Outcome::Stale { since } if since.len() == 2);
    assert!(done(&one) && stale(&other) || stale(&one) && done(&other), "{one:?} {other:?}");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_repeats_an_order_gets_the_answer_of_the_first_time() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let first = town.orders(&erika(), case, Order::Accept(Accept), 1, 1).await;
    town.orders(&max(), case, Order::Assign(Assign(None)), 2, 3).await;
    assert_eq!(town.orders(&erika(), case, Order::Accept(Accept), 1, 1).await, first);
    let town = Town::again(town.closes().await).await;
    assert_eq!(town.orders(&erika(), case, Order::Accept(Accept), 1, 1).await, first, "also after a restart");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_one_order_does_not_carry_another() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    town.orders(&erika(), case, Order::Accept(Accept), 1, 1).await;
    let other = town.orders(&erika(), case, Order::StartWork(StartWork), 1, 3).await;
    assert_eq!(other, Outcome::Refused(Refusal::NothingToDo));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_decision_is_refused_with_what_happened_since_and_a_comment_is_not() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    town.orders(&erika(), case, Order::Accept(Accept), 1, 1).await;
    let stale = town.orders(&max(), case, Order::Discard(Discard), 2, 1).await;
    assert!(matches!(&stale, Outcome::Stale { since } if since.len() == 2), "{stale:?}");
    let comment = AddComment { id: CommentId::from_u128(1), text: "Mietvertrag fehlt".into() };
    let commented = town.orders(&max(), case, Order::Comment(comment), 3, 1).await;
    assert_eq!(commented, Outcome::Done { version: 4 });
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_claims_to_have_seen_what_has_not_been_yet_is_not_believed() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let ahead = town.orders(&max(), case, Order::Discard(Discard), 1, u64::MAX).await;
    assert_eq!(ahead, Outcome::NeverSeen);
    let comment = AddComment { id: CommentId::from_u128(1), text: "Mietvertrag fehlt".into() };
    assert_eq!(town.orders(&max(), case, Order::Comment(comment), 2, 2).await, Outcome::NeverSeen);
    assert_eq!(town.orders(&max(), case, Order::Discard(Discard), 3, 1).await, Outcome::Done { version: 2 });
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_delivery_of_the_same_thing_meets_the_first() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let again = town.door().order(case, Order::Receive(application(1)), key(1), Vec::new()).await;
    assert_eq!(again, Ok(Outcome::Done { version: 1 }));
    let other = town.door().order(case, Order::Receive(application(2)), key(2), Vec::new()).await;
    assert_eq!(other, Ok(Outcome::Refused(Refusal::ExistsAlready)));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_read_from_its_snapshot_and_is_the_same() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    for number in 0..120_u64 {
        let comment = AddComment { id: CommentId::from_u128(u128::from(number)), text: format!("Notiz {number}") };
        town.orders(&erika(), case, Order::Comment(comment), number + 100, number + 1).await;
    }
    let before = town.tenant().show_case(&erika(), case).await.expect("there");
    let town = Town::again(town.closes().await).await;
    let after = town.tenant().show_case(&erika(), case).await.expect("there");
    assert_eq!((after.version, after.history.len()), (121, 121));
    assert_eq!(after, before);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_numbers_are_given_once() {
    let town = Town::founded().await;
    let ask = |town: &Town| town.tenant().numbers();
    let first = ask(&town).next().await.expect("a number");
    let second = ask(&town).next().await.expect("a number");
    assert_ne!(first, second);
    let town = Town::again(town.closes().await).await;
    let third = ask(&town).next().await.expect("a number");
    assert!(third > second);
    town.closes().await;
}
