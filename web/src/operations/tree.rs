//! The supervision tree as it is shown: supervisors and actors, then worker pools; many cases are folded into one line.

use std::{fmt::Write as _, time::Duration};

use ozg_actors::{ActorReport, ActorState};
use ozg_protocols::moment::Moment;

use super::class::{self, Class};
use crate::{
    alfa::frame::{Badge, Line},
    german,
};

/// Actors of one class below one parent that are shown one by one; the quiet ones beyond are left out and counted.
const MOST_OF_A_KIND: usize = 20;
/// A mailbox this full (in hundredths) is an alarm.
const FULL: u64 = 80;
/// Width and height of a sparkline; its scale is the actor's limit, the same for every actor with that limit.
const SPARK: (f64, f64) = (120.0, 22.0);
/// The scale where an actor has no limit of its own.
const FREE_SCALE: u64 = 64;

/// The tree at a moment.
#[derive(Debug)]
pub(crate) struct TreeView {
    pub as_of: String,
    pub troubles: Vec<TroubleView>,
    pub tiles: Vec<Line>,
    pub sections: Vec<Section>,
    pub kinds: Vec<Kind>,
}

/// Something an operator should look at.
#[derive(Debug)]
pub(crate) struct TroubleView {
    pub kind: &'static str,
    pub title: String,
    pub path: String,
    pub text: String,
    pub cause: Option<String>,
}

/// A kind of actor that stands on the page, for its legend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub name: &'static str,
    pub purpose: &'static str,
}

/// The last failure of an actor: when, and its cause as the log has it, in English, to search there.
#[derive(Debug)]
pub(crate) struct FailureView {
    pub at: String,
    pub cause: String,
}

/// A table of the page.
#[derive(Debug)]
pub(crate) struct Section {
    pub heading: String,
    pub actors: Vec<ActorView>,
}

/// One actor as it is shown.
#[derive(Debug)]
pub(crate) struct ActorView {
    pub id: String,
    pub name: String,
    pub purpose: &'static str,
    pub path: String,
    pub level: u16,
    pub badge: Badge,
    pub failure: Option<FailureView>,
    pub mailbox: String,
    pub alarm: bool,
    pub spark: Spark,
    pub handled: String,
    pub restarts: String,
    pub p99: String,
    pub busy: String,
    pub policy: &'static str,
}

/// The last minute of a mailbox as two paths and in words.
#[derive(Debug)]
pub(crate) struct Spark {
    pub line: String,
    pub area: String,
    pub words: String,
}

impl TreeView {
    /// The view of these actors, parents before their children.
    pub(crate) fn new(actors: &[ActorReport], now: Moment) -> Self {
        let is_pool = |actor: &&ActorReport| matches!(actor.class, "pool" | "worker");
        let (pools, tree): (Vec<_>, Vec<_>) = actors.iter().partition(is_pool);
        let mut sections = vec![section("Aufsicht und Akteure", &tree)];
        if !pools.is_empty() {
            sections.push(section("Arbeiter", &pools));
        }
        Self {
            as_of: german::time(now),
            troubles: actors.iter().filter_map(trouble).take(5).collect(),
            tiles: tiles(actors),
            sections,
            kinds: kinds(actors),
        }
    }
}

fn kinds(actors: &[ActorReport]) -> Vec<Kind> {
    let mut seen = std::collections::BTreeSet::new();
    let first = actors.iter().filter(|actor| seen.insert(actor.class)).map(|actor| Class::of(actor.class));
    first.map(|Class { name, purpose }| Kind { name, purpose }).collect()
}

fn section(heading: &str, actors: &[&ActorReport]) -> Section {
    let base = actors.iter().map(|actor| actor.depth).min().unwrap_or_default();
    let shown: Vec<_> = folded(actors);
    let left_out = actors.len() - shown.len();
    let heading = if left_out == 0 {
        format!("{heading} ({})", german::count(actors.len() as u64))
    } else {
        format!(
            "{heading} ({}, davon {} ruhige nicht einzeln gezeigt)",
            german::count(actors.len() as u64),
            german::count(left_out as u64)
        )
    };
    Section { heading, actors: shown.into_iter().map(|actor| ActorView::new(actor, base)).collect() }
}

/// Leaves out quiet actors of a class that has too many, and every quiet place that nobody is at: hundreds of resident cases
/// would hide the one that matters.
fn folded<'r>(actors: &[&'r ActorReport]) -> Vec<&'r ActorReport> {
    let quiet = |actor: &ActorReport| {
        matches!(actor.state, ActorState::Running | ActorState::Busy | ActorState::Vacant)
            && actor.mailbox == 0
            && actor.last_failure.is_none()
    };
    let mut seen = std::collections::BTreeMap::<(&str, &str), usize>::new();
    let keep = |actor: &&&'r ActorReport| {
        if actor.state == ActorState::Vacant {
            return !quiet(actor);
        }
        let parent = actor.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let count = seen.entry((parent, actor.class)).or_default();
        *count += 1;
        *count <= MOST_OF_A_KIND || !quiet(actor)
    };
    actors.iter().filter(keep).copied().collect()
}

fn is_alarming(actor: &ActorReport) -> bool {
    actor.mailbox_limit > 0 && actor.mailbox * 100 >= actor.mailbox_limit * FULL
}

fn trouble(actor: &ActorReport) -> Option<TroubleView> {
    let name = class::name(actor.class, &actor.path);
    match actor.state {
        ActorState::Disturbed => Some(TroubleView {
            kind: "danger",
            title: format!("{name} ist gestört"),
            path: actor.path.clone(),
            text: Class::of(actor.class).disturbed().to_owned(),
            cause: actor.last_failure.as_ref().map(|(_, cause)| cause.clone()),
        }),
        _ if is_alarming(actor) => Some(TroubleView {
            kind: "warning",
            title: format!("Postkorb läuft voll: {name}"),
            path: actor.path.clone(),
            text: format!(
                "{} von {} Nachrichten. Neues wird bei {} gebremst, nicht verworfen.",
                actor.mailbox, actor.mailbox_limit, actor.mailbox_limit
            ),
            cause: None,
        }),
        _ => None,
    }
}

/// A latency that is known as the bound of its bucket only: more digits than fit the bucket would be made up.
fn at_most(span: Duration) -> String {
    let bound = match span.as_millis() {
        0..10 => format!("{}\u{a0}ms", german::milliseconds(span)),
        ms @ 10..1_000 => format!("{ms}\u{a0}ms"),
        _ => format!("{}\u{a0}s", german::tenths(span.as_millis() / 100)),
    };
    format!("≤\u{a0}{bound}")
}

fn tiles(actors: &[ActorReport]) -> Vec<Line> {
    let restarts = actors.iter().map(|actor| actor.restarts).sum();
    let deepest = actors.iter().map(|actor| actor.mailbox).max().unwrap_or_default();
    let handled = actors.iter().map(|actor| actor.handled).sum();
    let slowest = actors.iter().filter_map(|actor| actor.p99).max();
    let troubled =
        actors.iter().filter(|actor| matches!(actor.state, ActorState::Disturbed | ActorState::Restarting)).count();
    vec![
        Line::new("Akteure", german::count(actors.len() as u64)),
        Line::new("Gestört", german::count(troubled as u64)),
        Line::new("Nachrichten", german::count(handled)),
        Line::new("Neustarts", german::count(restarts)),
        Line::new("Tiefster Postkorb", german::count(deepest)),
        Line::new("Langsamstes p99", slowest.map_or_else(dash, at_most)),
    ]
}

fn dash() -> String {
    "–".to_owned()
}

impl ActorView {
    fn new(actor: &ActorReport, base: u16) -> Self {
        let limit = actor.mailbox_limit;
        Self {
            id: element_id(&actor.path),
            name: class::name(actor.class, &actor.path),
            purpose: Class::of(actor.class).purpose,
            path: actor.path.clone(),
            level: (actor.depth - base).min(4),
            badge: badge(actor),
            failure: failure(actor),
            mailbox: if limit > 0 { format!("{} / {limit}", actor.mailbox) } else { actor.mailbox.to_string() },
            alarm: is_alarming(actor),
            spark: Spark::new(&actor.history, limit),
            handled: german::count(actor.handled),
            restarts: german::count(actor.restarts),
            p99: actor.p99.map_or_else(dash, at_most),
            busy: format!("{} / {}", span(actor.busy), span(actor.waited)),
            policy: actor.policy,
        }
    }
}

fn element_id(path: &str) -> String {
    let letters = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    "akteur-".chars().chain(letters).collect()
}

fn badge(actor: &ActorReport) -> Badge {
    let (kind, icon, label) = match actor.state {
        ActorState::Running | ActorState::Busy if is_alarming(actor) => ("danger", "danger", "staut"),
        ActorState::Running => ("success", "success", "läuft"),
        ActorState::Busy => ("success", "success", "arbeitet"),
        ActorState::Starting => ("info", "info", "startet"),
        ActorState::Restarting => ("warning", "autorenew", "Neustart"),
        ActorState::Disturbed => ("danger", "danger", "gestört"),
        ActorState::Stopped => ("neutral", "close", "beendet"),
        ActorState::Vacant => ("neutral", "info", "frei"),
    };
    Badge { kind, icon, label }
}

fn failure(actor: &ActorReport) -> Option<FailureView> {
    let (at, cause) = actor.last_failure.as_ref()?;
    Some(FailureView { at: german::day_and_time(*at), cause: cause.clone() })
}

fn span(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{}\u{a0}ms", span.as_millis()),
        seconds @ 1..600 => format!("{seconds}\u{a0}s"),
        seconds => format!("{}\u{a0}min", german::count(seconds / 60)),
    }
}

impl Spark {
    /// Drawn against the limit, not against its own highest value: a small wave must not look like a flood.
    fn new(history: &[u32], limit: u64) -> Self {
        let (width, height) = SPARK;
        let scale = if limit > 0 { limit } else { FREE_SCALE };
        let highest = history.iter().copied().max().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "pixels need no more")]
        let y = |depth: u32| height - (f64::from(depth) / scale as f64).min(1.0) * (height - 2.0);
        #[expect(clippy::cast_precision_loss, reason = "pixels need no more")]
        let step = width / (history.len().max(2) - 1) as f64;
        let mut line = String::new();
        let mut x = 0.0;
        for depth in history {
            let command = if line.is_empty() { 'M' } else { 'L' };
            let _ = write!(line, "{command}{x:.0} {:.1}", y(*depth));
            x += step;
        }
        if line.is_empty() {
            let _ = write!(line, "M0 {height}L{width} {height}");
        }
        let area = format!("{line}L{width} {height}L0 {height}Z");
        let of = if limit > 0 { format!(" von {limit}") } else { String::new() };
        Self { line, area, words: format!("Höchstens {highest}{of} in der letzten Minute") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(path: &str, class: &'static str, mailbox: u64) -> ActorReport {
        ActorReport {
            path: path.into(),
            class,
            depth: u16::try_from(path.matches('/').count()).expect("few"),
            state: ActorState::Running,
            mailbox,
            mailbox_limit: 256,
            handled: 1,
            restarts: 0,
            last_failure: None,
            busy: Duration::from_secs(3),
            waited: Duration::from_millis(4),
            p99: Some(Duration::from_micros(256)),
            history: vec![0, 0, 210],
            policy: "wird ersetzt",
        }
    }

    #[test]
    fn a_mailbox_that_fills_up_is_an_alarm_with_a_reason() {
        let view = TreeView::new(&[actor("house/eingang", "intake", 210)], Moment::default());
        assert_eq!(view.troubles[0].title, "Postkorb läuft voll: Eingang");
        assert_eq!(view.troubles[0].path, "house/eingang");
        assert_eq!(view.sections[0].actors[0].badge.label, "staut");
    }

    #[test]
    fn a_clock_in_doubt_says_what_stands_still_and_that_the_rest_goes_on() {
        let cause = Some((Moment::default(), "musterstadt: disagrees with the delivery service by 120 min".to_owned()));
        let clock = actor("house/infrastructure/clock", "clock", 0);
        let clock = ActorReport { state: ActorState::Disturbed, last_failure: cause, ..clock };
        let view = TreeView::new(&[clock], Moment::default());
        assert_eq!(view.troubles[0].title, "Uhr ist gestört");
        assert!(view.troubles[0].text.contains("ruht") && view.troubles[0].text.contains("Alles andere läuft weiter"));
        assert!(!view.troubles[0].text.contains("503"));
    }

    #[test]
    fn many_quiet_cases_are_counted_and_a_loud_one_is_shown() {
        let mut actors: Vec<_> = (0..100).map(|at| actor(&format!("house/muh/{at}"), "case", 0)).collect();
        actors.push(actor("house/muh/loud", "case", 3));
        let view = TreeView::new(&actors, Moment::default());
        assert_eq!(view.sections[0].actors.len(), MOST_OF_A_KIND + 1);
        assert!(view.sections[0].heading.contains("davon 80 ruhige"), "{}", view.sections[0].heading);
        assert_eq!(view.sections[0].actors.last().map(|actor| actor.name.as_str()), Some("Vorgang"));
    }

    #[test]
    fn the_cases_of_one_parent_hide_none_of_another() {
        let cases = |parent: &str, most: usize| {
            let parent = parent.to_owned();
            (0..most).map(move |at| actor(&format!("{parent}/case-{at}"), "case", 0))
        };
        let actors: Vec<_> = cases("house/altstadt", 100).chain(cases("house/neustadt", 2)).collect();
        let view = TreeView::new(&actors, Moment::default());
        let of = |parent: &str| view.sections[0].actors.iter().filter(|actor| actor.path.starts_with(parent)).count();
        assert_eq!((of("house/altstadt/"), of("house/neustadt/")), (MOST_OF_A_KIND, 2));
    }

    #[test]
    fn a_seat_that_nobody_is_at_is_counted_and_shown_only_after_a_failure() {
        let seat = |at: usize| {
            let seat = actor(&format!("house/muh/fit-connect-1/intake-{at}"), "intake", 0);
            ActorReport { state: ActorState::Vacant, ..seat }
        };
        let mut actors: Vec<_> = (0..32).map(seat).collect();
        actors[31].last_failure = Some((Moment::default(), "panicked".to_owned()));
        let view = TreeView::new(&actors, Moment::default());
        let shown: Vec<_> = view.sections[0].actors.iter().map(|actor| (&*actor.name, actor.badge.label)).collect();
        assert_eq!(shown, [("Eingang 31", "frei")]);
        assert!(view.sections[0].heading.contains("davon 31 ruhige"), "{}", view.sections[0].heading);
    }

    #[test]
    fn a_latency_is_shown_as_the_bound_of_its_bucket() {
        let shown = [256, 4_096, 262_144, 1_048_576].map(|micros| at_most(Duration::from_micros(micros)));
        assert_eq!(shown, ["≤\u{a0}0,3\u{a0}ms", "≤\u{a0}4,1\u{a0}ms", "≤\u{a0}262\u{a0}ms", "≤\u{a0}1,0\u{a0}s"]);
    }

    #[test]
    fn a_sparkline_is_drawn_against_the_limit() {
        let low = Spark::new(&[1, 1], 256);
        assert_eq!(low.line, "M0 21.9L120 21.9");
        assert_eq!(Spark::new(&[], 0).line, "M0 22L120 22");
    }
}
