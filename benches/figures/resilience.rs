//! What is killed under load comes back at once and loses nothing: the whole server, and any one of its actors. Both runs
//! are those of the whole-program tests, held to what was promised for a release build.

use ozg_cloud::sender::client::ApiVersion;

use super::report::{Figure, Goal};
use crate::{
    kills::under_load,
    soak::{GOODBYE, Soaked, soak},
};

/// SIGKILL at random, 20 times during 500 submissions.
pub fn server() -> Vec<Figure> {
    let Soaked { slowest_start, end_took, tally } = runtime().block_on(soak());
    let below = |name, unit, value, below| figure(name, unit, value, Goal::ValueBelow(below));
    vec![
        below("killed at random, slowest start of the server", "s", slowest_start.as_secs_f64(), 2.0),
        below("killed at random, lost or doubled", "submissions", (tally.lost + tally.doubled) as f64, 1.0),
        below("asked to end afterwards", "s", end_took.as_secs_f64(), GOODBYE.as_secs_f64()),
    ]
}

/// One actor of each kind, and others at random, at a destination of either version. That work resumes, that nothing is lost
/// and that each restart can be seen is what the run itself insists on.
pub fn actors() -> Vec<Figure> {
    let version = |version| runtime().block_on(under_load(version));
    let slowest = version(ApiVersion::V2).max(version(ApiVersion::V1));
    vec![figure("one actor killed, slowest restart", "s", slowest.as_secs_f64(), Goal::BelowWhereQuiet(0.1))]
}

fn figure(name: &str, unit: &'static str, value: f64, goal: Goal) -> Figure {
    Figure { name: name.into(), unit, value, limit: None, limit_is: "", goal }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
