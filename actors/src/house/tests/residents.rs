//! Which cases stay in memory: only those that serve somebody, and never more than the limit (law 9).

use std::time::Duration;

use ozg_protocols::{ids::CaseId, principal::Role};
use ractor::{ActorRef, ActorStatus};

use super::town::{PATIENCE, Town, erika, person};
use crate::{
    case::{Ask, CaseMessage},
    supervise::AskError,
    tenant::{Limits, TenantMessage},
};

impl Town {
    async fn residents(&self) -> usize {
        self.house.tree().await.iter().filter(|report| report.class == "case").count()
    }

    /// Waits until at most so many cases are in memory, for much less than the time after which an idle one goes.
    async fn keeps_at_most(&self, cases: usize) {
        let gone = async {
            while self.residents().await > cases {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("they go");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_ids_keeps_nothing_in_memory() {
    let town = Town::founded().await;
    for number in 0..3_000_u128 {
        let guessed = CaseId::from_u128(number << 64 | 0x6e55);
        assert_eq!(town.tenant().show_case(&erika(), guessed).await.err(), Some(AskError::NotFound));
        if number % 500 == 499 {
            town.keeps_at_most(0).await;
        }
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_stays_for_those_it_serves_and_not_for_those_who_must_not_see_it() {
    let town = Town::founded().await;
    let case = town.receives(1).await;
    let town = Town::again(town.closes().await).await;
    let otto = person("otto", Role::Operations, "1");
    assert_eq!(town.tenant().show_case(&otto, case).await.err(), Some(AskError::NotFound));
    town.keeps_at_most(0).await;
    assert!(town.tenant().show_case(&erika(), case).await.is_ok());
    assert_eq!(town.tenant().show_case(&otto, case).await.err(), Some(AskError::NotFound));
    let probes = town.house.0.observation.members();
    let probe = probes.into_iter().find(|probe| probe.report().class == "case").expect("it is there");
    let actor: ActorRef<CaseMessage> = probe.cell().expect("it is there").into();
    // What the case tells the tenant because of otto is told before it answers the next one, and heard before the tenant does.
    let (reply, answer) = tokio::sync::oneshot::channel();
    actor.cast(CaseMessage { ask: Ask::Look { reply: reply.into() }, waiting: probe.waiting(None) }).expect("takes it");
    answer.await.expect("answers").expect("is read");
    let tenant = town.tenant();
    let staff = |reply, waiting| TenantMessage::Staff { reply, waiting };
    tenant.edge().tenant().ask_seen(PATIENCE, staff).await.expect("answers");
    assert_eq!(actor.get_status(), ActorStatus::Running, "erika works on it");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_many_are_resident_the_one_unused_for_longest_goes() {
    let town = Town::founded_with(Limits { residents: 8, ..Limits::default() }).await;
    let mut cases = Vec::new();
    for number in 1..=40 {
        cases.push(town.receives(number).await);
    }
    town.keeps_at_most(8).await;
    for case in cases {
        assert!(town.tenant().show_case(&erika(), case).await.is_ok(), "it comes back when it is asked for");
    }
    town.keeps_at_most(8).await;
    assert!(town.residents().await >= 7, "the others stay");
    town.closes().await;
}
