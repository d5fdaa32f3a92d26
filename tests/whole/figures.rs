//! What the bench of the figures says as JSON. The bench has a `main` of its own and runs no tests.

use serde_json::{Value, json};

use report::{Figure, Goal};

#[expect(dead_code, unreachable_pub, clippy::print_stdout, reason = "the bench does more with it")]
#[path = "../../benches/figures/report.rs"]
mod report;

fn figure(value: f64, limit: Option<f64>, goal: Goal) -> Figure {
    Figure { name: "a figure".into(), unit: "1/s", value, limit, limit_is: "a limit", goal }
}

#[test]
fn the_json_of_a_figure_says_value_limit_ratio_goal_and_whether_it_holds() {
    let figures = [
        figure(30.0, Some(40.0), Goal::RatioAtLeast(0.8)),
        figure(30.0, Some(40.0), Goal::Nothing),
        figure(0.3, None, Goal::ValueBelow(2.0)),
        figure(0.3, None, Goal::BelowWhereQuiet(0.1)),
    ];
    let told = |busy| serde_json::from_str::<Value>(&report::json(&figures, &[], busy)).expect("JSON");
    let quiet = told(false);
    assert_eq!(
        quiet["figures"][0],
        json!({
            "name": "a figure", "unit": "1/s", "value": 30.0, "limit": 40.0, "limit_is": "a limit", "ratio": 0.75,
            "goal": { "ratio_at_least": 0.8 }, "holds": false,
        })
    );
    let verdicts = |told: &Value| (0..4).map(|at| told["figures"][at]["holds"].as_bool()).collect::<Vec<_>>();
    assert_eq!(verdicts(&quiet), [Some(false), None, Some(true), Some(false)]);
    assert_eq!(verdicts(&told(true)), [Some(false), None, Some(true), None]);
    assert_eq!(quiet["figures"][2]["ratio"], Value::Null);
    assert_eq!(quiet["holds"], false);
}
