//! The index against the naive scan: the same cases, the same random questions, the same answers (law 6: list, totals,
//! counts, search, suggestions and neighbours show the same cases to everybody).

use std::collections::BTreeSet;

use ozg_protocols::{
    application::{Applicant, Application, Channel, Form, FormItem, FormValue, NaturalPerson, RawReference, Service},
    case::{Action, By, CaseNumber, Event, Followed, Person, ReceiptState, Recorded, Status},
    ids::{CaseId, CommentId, IntakeId},
    moment::Moment,
    principal::{Principal, Role},
    work_list::{Query, SortBy, View},
};

use super::{index::Index, naive::Naive};

/// Small numbers out of a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.roll() % most as u64) as usize
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| self.pick(from).clone()).collect()
    }
}

const GIVEN: [&str; 8] = ["Özge", "Erika", "Jan", "Jörg", "Zoë", "Bo", "Šárka", "Jan-Ole"];
const FAMILY: [&str; 10] =
    ["Müller", "Mueller", "Weiß", "Weiss", "Yıldız", "Muster", "Mustermann", "Ömer", "von Aue", "Aue"];
const STREETS: [&str; 6] = ["Am Anger", "Ahornweg", "Ahornstraße", "Markt", "Bergstraße", "Ümlautgasse"];
const UNITS: [&str; 5] = ["bau", "gewerbe", "steuern", "soziales", "verkehr"];
const SERVICES: [(&str, &str); 4] = [
    ("urn:1", "Gewerbeanmeldung"),
    ("urn:2", "Hundesteuer anmelden"),
    ("urn:3", "Anwohnerparken"),
    ("urn:4", "Müllgebühren"),
];
const USERS: [(&str, &str); 4] = [("erika", "Erika"), ("erika", "Erika Neu"), ("otto", "Otto"), ("rita", "Rita")];

fn person(dice: &mut Dice) -> Person {
    let (user, name) = dice.pick(&USERS);
    Person { user: user.parse().expect("valid"), name: (*name).into() }
}

fn application(dice: &mut Dice) -> Application {
    let (identifier, name) = dice.pick(&SERVICES);
    let item = |name: &str, value: FormValue| FormItem { name: name.into(), label: None, value };
    let street = item("strasse", FormValue::Text(format!("{} {}", dice.pick(&STREETS), dice.below(200))));
    let phone = item("telefon", FormValue::Number(format!("0{}", 100_000 + dice.below(900_000))));
    let applicant = (dice.below(12) > 0).then(|| {
        Applicant::Natural(NaturalPerson {
            given_names: Some((*dice.pick(&GIVEN)).into()),
            family_name: Some((*dice.pick(&FAMILY)).into()),
            ..NaturalPerson::default()
        })
    });
    let channel = Channel::FitConnect {
        destination: ozg_protocols::ids::DestinationId::from_random([1; 16]),
        submission: ozg_protocols::ids::SubmissionId::from_random([2; 16]),
        case: ozg_protocols::ids::FitCaseId::from_random([3; 16]),
    };
    let service = Service { identifier: (*identifier).into(), name: Some((*name).into()), ..Service::default() };
    let items = vec![item("ort", FormValue::Group(vec![street])), phone];
    Application {
        applicant,
        form: Form { items, ..Form::default() },
        ..Application::new(channel, service, RawReference { intake: IntakeId::from_u128(4), blobs: Vec::new() })
    }
}

/// Cases that come and change in both, event by event.
struct Both {
    dice: Dice,
    fast: Index,
    naive: Naive,
    cases: Vec<CaseId>,
    now: i64,
}

impl Both {
    fn of(seed: u64, cases: usize) -> Self {
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut both =
            Self { dice, fast: Index::default(), naive: Naive::default(), cases: Vec::new(), now: 1_000_000 };
        for _ in 0..cases * 4 {
            if both.cases.len() < cases && both.dice.below(3) == 0 {
                both.receive();
            } else if !both.cases.is_empty() {
                both.change();
            }
        }
        both
    }

    fn happens(&mut self, case: CaseId, event: Event) {
        // Several things happen in the same moment, and now and then one before the last.
        self.now += [-3, 0, 0, 1, 5][self.dice.below(5)];
        let recorded = [Recorded { at: Moment::from_millis(self.now), by: By::System, event }];
        self.fast.case(case, &recorded);
        self.naive.case(case, &recorded);
    }

    fn receive(&mut self) {
        let dice = &mut self.dice;
        let case = CaseId::from_u128(u128::from(dice.roll()) << 64 | u128::from(dice.roll()));
        let running = self.cases.len() as u64 * 7 % 5_003;
        let event = Event::Received {
            number: CaseNumber::new("MUS", if running.is_multiple_of(3) { 2025 } else { 2026 }, running),
            application: Box::new(application(dice)),
            org_unit: (dice.below(9) > 0).then(|| dice.pick(&UNITS).parse().expect("valid")),
            continues: None,
            receipt: None,
            followed: Followed::default(),
        };
        self.cases.push(case);
        self.happens(case, event);
    }

    fn change(&mut self) {
        let case = *self.dice.pick(&self.cases);
        let event = match self.dice.below(5) {
            0 | 1 => Event::StatusChanged { action: Action::Accept, to: *self.dice.pick(&Status::ALL) },
            2 => Event::Assigned { to: (self.dice.below(4) > 0).then(|| person(&mut self.dice)) },
            3 => Event::Commented { id: CommentId::from_u128(9), text: "Bitte prüfen".into() },
            _ => Event::ReceiptNoted { state: ReceiptState::Delivered },
        };
        self.happens(case, event);
    }

    fn principal(&mut self) -> Principal {
        let dice = &mut self.dice;
        let Person { user, name } = person(dice);
        let roles: BTreeSet<Role> = dice.some(&Role::ALL, 2).into_iter().chain([*dice.pick(&Role::ALL)]).collect();
        let org_units = dice.some(&UNITS, 3).into_iter().map(|unit| unit.parse().expect("valid")).collect();
        Principal { user, name, roles, org_units }
    }

    fn query(&mut self) -> Query {
        let texts = ["mü", "müller", "ahorn", "ahornstraße jan", "mus-2026", "0001", "weiss", "jan", "01", "bo", "–"];
        let sorts = [SortBy::Received, SortBy::Changed, SortBy::Applicant, SortBy::Number, SortBy::Status];
        let dice = &mut self.dice;
        Query {
            view: *dice.pick(&[View::All, View::All, View::Mine, View::Unassigned]),
            statuses: dice.some(&Status::ALL, 3),
            services: dice.some(&["urn:1", "urn:2", "urn:9"], 1).into_iter().map(str::to_owned).collect(),
            org_units: dice.some(&UNITS, 1).into_iter().map(|unit| unit.parse().expect("valid")).collect(),
            text: (dice.below(3) == 0).then(|| (*dice.pick(&texts)).to_owned()),
            sort: *dice.pick(&sorts),
            descending: dice.below(2) == 0,
            after: None,
            limit: 1 + dice.below(60),
        }
    }

    /// Asks both the same, so many times.
    fn compare(&mut self, questions: usize) {
        for _ in 0..questions {
            let (who, mut query) = (self.principal(), self.query());
            if self.dice.below(8) == 0 {
                query = Query {
                    view: View::All,
                    sort: query.sort,
                    descending: query.descending,
                    limit: 200,
                    ..Query::default()
                };
            }
            let expected = self.naive.list(&who, &query);
            let mut shown = Vec::new();
            loop {
                let page = self.fast.page(&who, &query);
                assert_eq!(page.total, expected.len() as u64, "{who:?} {query:?}");
                shown.extend(page.rows);
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
            assert_eq!(shown, expected, "{who:?} {query:?}");
            assert_eq!(self.fast.counts(&who), self.naive.counts(&who), "{who:?}");
            let services: BTreeSet<String> = self.fast.services(&who).into_iter().map(|(id, _)| id).collect();
            assert_eq!(services, self.naive.services(&who), "{who:?}");
            let typed = *self.dice.pick(&[
                "m",
                "mü",
                "jan m",
                "mus",
                "2026-00",
                "mus-2025-0000",
                "erika",
                "an",
                "gew",
                "x",
                "0",
            ]);
            let limit = 1 + self.dice.below(10);
            assert_eq!(
                self.fast.suggest(&who, typed, limit),
                self.naive.suggest(&who, typed, limit),
                "{who:?} {typed}"
            );
            let case = *self.dice.pick(&self.cases);
            let place = expected.iter().position(|row| row.case == case);
            let around = self.fast.neighbours(&who, &query, case);
            let at = |place: Option<usize>| place.and_then(|place| expected.get(place)).map(|row| row.case);
            assert_eq!(around.position, place.map(|place| place as u64 + 1), "{who:?} {query:?}");
            assert_eq!(around.previous, at(place.and_then(|place| place.checked_sub(1))), "{who:?} {query:?}");
            assert_eq!(around.next, at(place.map(|place| place + 1)), "{who:?} {query:?}");
            let row = self.fast.row(&who, &query, case);
            assert_eq!(row.is_some_and(|(_, belongs)| belongs), place.is_some(), "{who:?} {query:?}");
        }
    }
}

#[test]
fn the_index_answers_as_a_look_at_every_case_does() {
    for seed in 1..=6 {
        let mut both = Both::of(seed, 300);
        both.compare(120);
    }
}

#[test]
fn many_cases_are_found_along_their_order() {
    let mut both = Both::of(7, 6_000);
    both.compare(40);
}

#[test]
fn an_index_that_was_filled_at_once_is_the_one_that_grew() {
    let mut grown = Both::of(8, 400);
    let mut filled = Index::to_be_filled();
    let again = Both::of(8, 400).fast;
    (filled.columns, filled.names, filled.text) = (again.columns, again.names, again.text);
    filled.settle();
    grown.fast = filled;
    grown.compare(60);
}
