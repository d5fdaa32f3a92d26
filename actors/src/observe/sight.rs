//! What the people of one tenant see of the house: what everybody leans on, and the tenant's own branch. Another tenant is
//! neither named nor told of.

use super::{ActorReport, Observation};

impl Observation {
    /// Every actor that this tenant may know of, as it may see it, parents before their children.
    pub(crate) fn reports_for(&self, tenant: &str) -> Vec<ActorReport> {
        let probes = self.probes();
        let shown = probes.iter().filter(|probe| concerns(tenant, probe.names(), probe.class()));
        shown.map(|probe| probe.report_for(tenant)).collect()
    }
}

/// Whether an actor is the tenant's or one that everybody leans on. Whoever is neither for sure is another's.
fn concerns(tenant: &str, names: &[String], class: &str) -> bool {
    match names {
        // A batcher is one tenant's, wherever it is supervised.
        [.., own] if class == "batcher" => own.strip_prefix("batcher-") == Some(tenant),
        [_] => true,
        [_, branch, ..] => branch == tenant || matches!(branch.as_str(), "infrastructure" | "opener"),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        observe::{ActorState, Probe},
        seams::WallClock,
        supervise,
    };

    fn observed() -> (Observation, Probe) {
        let observation = Observation::new(Arc::new(WallClock));
        let root = observation.root("house", &supervise::HOUSE);
        (observation, root)
    }

    #[test]
    fn a_tenant_is_shown_what_all_lean_on_and_its_own_and_nobody_elses() {
        let (observation, root) = observed();
        let infrastructure = root.child("infrastructure", &supervise::INFRASTRUCTURE, 0);
        let clock = infrastructure.child("clock", &supervise::CLOCK, 0);
        let towns = ["altstadt", "neustadt"].map(|name| {
            let town = root.child(name, &supervise::TENANT, 8);
            let case = town.child("case-0101", &supervise::CASE, 8);
            (infrastructure.child(format!("batcher-{name}"), &supervise::BATCHER, 0), town, case)
        });
        // The batcher of a tenant that was opened late is supervised by the house.
        let late = root.child("batcher-spaetstadt", &supervise::BATCHER, 0);
        let paths = || observation.reports_for("altstadt").into_iter().map(|report| report.path).collect::<Vec<_>>();
        let expected = [
            "house",
            "house/altstadt",
            "house/altstadt/case-0101",
            "house/infrastructure",
            "house/infrastructure/batcher-altstadt",
            "house/infrastructure/clock",
        ];
        assert_eq!(paths(), expected);
        let late_ones = observation.reports_for("spaetstadt");
        assert!(late_ones.iter().any(|report| report.path == "house/batcher-spaetstadt"));
        drop((clock, towns, late));
    }

    #[test]
    fn a_tenant_is_not_told_what_only_another_has_trouble_with() {
        let (_observation, root) = observed();
        root.disturbed_for("neustadt", "neustadt: disagrees");
        root.set(ActorState::Disturbed);
        let seen_by = |tenant: &str| {
            let report = root.instruments.report_for(tenant);
            (report.state, report.last_failure.map(|(_, what)| what))
        };
        let told = |what: &str| Some(what.to_owned());
        assert_eq!(seen_by("neustadt"), (ActorState::Disturbed, told("neustadt: disagrees")));
        assert_eq!(seen_by("altstadt"), (ActorState::Running, None));
        root.disturbed_for("altstadt", "altstadt: disagrees");
        root.disturbed_for("neustadt", "neustadt: disagrees more");
        assert_eq!(seen_by("altstadt"), (ActorState::Disturbed, told("altstadt: disagrees")), "both have trouble");
        root.settled_for("altstadt");
        assert_eq!(seen_by("altstadt"), (ActorState::Running, told("altstadt: disagrees")));
        assert_eq!(root.report().last_failure.map(|(_, what)| what), told("neustadt: disagrees more"));
        root.failed("panicked");
        assert_eq!(seen_by("altstadt").1, told("panicked"), "its own failures are everybody's matter");
    }
}
