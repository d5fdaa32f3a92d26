//! Which org unit is responsible: a table of rules per tenant, read from top to bottom.
//!
//! Pure and total: the same application and table give the same answer, together with the rule that gave it. Nobody
//! responsible is an answer too; then a person has to look.

use serde::{Deserialize, Deserializer};

use crate::{
    application::{Application, Channel},
    case::RoutingRow,
    ids::{DestinationId, OrgUnitId, RegionKey, ServiceKey},
    moment::{Moment, start_of_day},
};

/// One row of the table. A condition that is not given is always met.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRule {
    /// Who is responsible.
    pub org_unit: OrgUnitId,
    /// The service identifier, or a LeiKa key; a `*` at the end stands for anything that follows.
    #[serde(default)]
    pub service: Option<String>,
    /// The beginning of the region key (ARS or AGS).
    #[serde(default)]
    pub region: Option<String>,
    /// The form's id at its vendor.
    #[serde(default)]
    pub form: Option<String>,
    /// The org unit that the sender named.
    #[serde(default)]
    pub named: Option<OrgUnitId>,
    /// The FIT-Connect destination it came to.
    #[serde(default)]
    pub destination: Option<DestinationId>,
    /// The day from which on the rule holds (`2026-01-01`).
    #[serde(default, deserialize_with = "maybe_day")]
    pub from: Option<Moment>,
    /// The first day on which it holds no more.
    #[serde(default, deserialize_with = "maybe_day")]
    pub until: Option<Moment>,
}

/// Where an application goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To this org unit.
    To {
        /// The org unit.
        org_unit: OrgUnitId,
        /// The row that said so, counted from zero.
        rule: usize,
    },
    /// Nobody is known to be responsible.
    Unclear,
}

impl Route {
    /// The row that found it, as it is recorded.
    #[must_use]
    pub fn row(&self, rules: &[RoutingRule]) -> Option<RoutingRow> {
        let Self::To { rule, .. } = self else { return None };
        let from = rules.get(*rule).and_then(|rule| rule.from);
        Some(RoutingRow { row: u32::try_from(rule + 1).unwrap_or(u32::MAX), from })
    }

    /// The org unit, if one is responsible.
    #[must_use]
    pub fn org_unit(self) -> Option<OrgUnitId> {
        match self {
            Self::To { org_unit, .. } => Some(org_unit),
            Self::Unclear => None,
        }
    }
}

/// What the table says about an application that came at this moment.
#[must_use]
pub fn route(rules: &[RoutingRule], application: &Application, at: Moment) -> Route {
    let found = rules.iter().enumerate().find(|(_, rule)| rule.covers(application, at));
    found.map_or(Route::Unclear, |(at, rule)| Route::To { org_unit: rule.org_unit.clone(), rule: at })
}

impl RoutingRule {
    /// A rule without conditions for this org unit.
    #[must_use]
    pub const fn always(org_unit: OrgUnitId) -> Self {
        Self {
            org_unit,
            service: None,
            region: None,
            form: None,
            named: None,
            destination: None,
            from: None,
            until: None,
        }
    }

    fn covers(&self, application: &Application, at: Moment) -> bool {
        let service = &application.service;
        let key = service.key.as_ref().map(ServiceKey::as_str);
        let came_to = match &application.channel {
            Channel::FitConnect { destination, .. } => Some(destination),
            Channel::Xta { .. } | Channel::FormVendor { .. } => None,
        };
        let region = application.region.as_ref().map(RegionKey::as_str);
        holds(self.service.as_ref(), |wanted| {
            like(wanted, &service.identifier) || key.is_some_and(|key| like(wanted, key))
        }) && holds(self.region.as_ref(), |wanted| region.is_some_and(|region| region.starts_with(wanted.as_str())))
            && holds(self.form.as_ref(), |wanted| application.form.id.as_ref() == Some(wanted))
            && holds(self.named.as_ref(), |wanted| application.responsible.as_ref() == Some(wanted))
            && holds(self.destination.as_ref(), |wanted| came_to == Some(wanted))
            && holds(self.from.as_ref(), |from| at >= *from)
            && holds(self.until.as_ref(), |until| at < *until)
    }
}

fn maybe_day<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Moment>, D::Error> {
    start_of_day(from).map(Some)
}

fn holds<T>(condition: Option<&T>, met: impl FnOnce(&T) -> bool) -> bool {
    condition.is_none_or(met)
}

fn like(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::scenario::application;

    fn unit(id: &str) -> OrgUnitId {
        id.parse().expect("valid")
    }

    fn rule(id: &str, service: &str) -> RoutingRule {
        RoutingRule { service: Some(service.into()), ..RoutingRule::always(unit(id)) }
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_is_named() {
        let mut application = application();
        application.service.identifier = "urn:de:fim:leika:leistung:99050012104000".into();
        application.service.key = Some("99050012104000".parse().expect("valid"));
        let rules = [rule("1", "urn:other*"), rule("2", "99050012*"), RoutingRule::always(unit("3"))];
        let to = Route::To { org_unit: unit("2"), rule: 1 };
        assert_eq!(to.row(&rules).map(|row| row.row), Some(2), "counted as people count");
        assert_eq!(route(&rules, &application, Moment::default()), to);
    }

    #[test]
    fn where_no_rule_fits_nobody_is_guessed() {
        let rules = [rule("1", "urn:something:else")];
        assert_eq!(route(&rules, &application(), Moment::default()), Route::Unclear);
    }

    #[test]
    fn a_region_covers_what_lies_in_it() {
        let mut application = application();
        application.region = Some("010510044044".parse().expect("valid"));
        let within = |region: &str| RoutingRule { region: Some(region.into()), ..RoutingRule::always(unit("1")) };
        assert!(within("01051").covers(&application, Moment::default()));
        assert!(!within("02").covers(&application, Moment::default()));
    }

    #[test]
    fn a_rule_holds_in_its_time_only() {
        let (from, until) = (Some(Moment::from_seconds(10)), Some(Moment::from_seconds(20)));
        let rule = RoutingRule { from, until, ..RoutingRule::always(unit("1")) };
        let covers = |seconds| rule.covers(&application(), Moment::from_seconds(seconds));
        assert_eq!([covers(9), covers(10), covers(19), covers(20)], [false, true, true, false]);
    }
}
