//! Sentences for tests: `given(events).when(command).by(user).then(events)`.

use super::{Act, Action, By, Case, CaseNumber, Command, Event, Followed, Person, Receipt, Recorded, Refusal, Status};
use crate::{
    application::{Application, Channel, RawReference, Service},
    ids::{DestinationId, FitCaseId, IntakeId, SubmissionId},
    moment::Moment,
};

pub(super) struct Given(Vec<Recorded>);
pub(super) struct When<C>(Vec<Recorded>, C);
pub(super) struct Scenario {
    before: Vec<Recorded>,
    act: Act,
    decided: Result<Vec<Event>, Refusal>,
}

pub(super) fn given(events: impl Into<Vec<Event>>) -> Given {
    let record = |event| Recorded { at: Moment::from_seconds(1), by: By::System, event };
    Given(events.into().into_iter().map(record).collect())
}

pub(super) fn person(name: &str) -> Person {
    Person { user: name.parse().expect("valid"), name: name.into() }
}

pub(crate) fn application() -> Application {
    let channel = Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
    };
    let service = Service { identifier: "urn:de:fim:leika:leistung:99050012104000".into(), ..Service::default() };
    Application::new(channel, service, RawReference { intake: IntakeId::from_u128(4), blobs: Vec::new() })
}

fn reception(unit: Option<&str>, receipt: Option<Receipt>) -> Event {
    Event::Received {
        number: CaseNumber::new("MUS", 2026, 1),
        application: Box::new(application()),
        org_unit: unit.map(|unit| unit.parse().expect("valid")),
        continues: None,
        receipt,
        followed: Followed::default(),
    }
}

pub(super) fn received() -> Event {
    reception(None, None)
}

pub(super) fn in_unit(unit: &str) -> Event {
    reception(Some(unit), None)
}

pub(super) fn received_with_receipt() -> Event {
    let receipt = Receipt {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
        token: "a.b.c".into(),
    };
    reception(None, Some(receipt))
}

pub(super) fn moved(action: Action, to: Status) -> Event {
    Event::StatusChanged { action, to }
}

pub(super) fn assigned_to(name: &str) -> Event {
    Event::Assigned { to: Some(person(name)) }
}

impl Given {
    pub(super) fn when<C: Command>(self, command: C) -> When<C> {
        When(self.0, command)
    }

    pub(super) fn case(&self) -> Option<Case> {
        Case::fold(&self.0)
    }
}

impl<C: Command> When<C> {
    pub(super) fn by(self, name: &str) -> Scenario {
        self.acted(By::Person(person(name)))
    }

    pub(super) fn by_the_house(self) -> Scenario {
        self.acted(By::System)
    }

    fn acted(self, by: By) -> Scenario {
        let act = Act { by, at: Moment::from_seconds(2) };
        Scenario { decided: self.1.decide(Case::fold(&self.0).as_ref(), &act), act, before: self.0 }
    }
}

impl Scenario {
    pub(super) fn then(self, events: impl Into<Vec<Event>>) {
        assert_eq!(self.decided, Ok(events.into()));
    }

    pub(super) fn refused(self, why: Refusal) {
        assert_eq!(self.decided, Err(why));
    }

    pub(super) fn after(self) -> Case {
        let Act { by, at } = self.act;
        let record = |event| Recorded { at, by: by.clone(), event };
        let events: Vec<_> = self.decided.expect("the order is carried out").into_iter().map(record).collect();
        Case::fold(self.before.iter().chain(&events)).expect("there is a case")
    }
}
