//! FIT-Connect, the subscriber's side: per destination a [`connector`] that takes submissions in and the [`credentials`] it
//! shares with the outbox; per tenant one outbox. What a submission becomes is the business of [`crate::intake`].
//!
//! [`connect`] makes all of it for a tenant; the tenant supervises it and reaches it through [`Channels`].

pub(crate) mod backoff;
mod connector;
mod credentials;
mod meter;
pub(crate) mod service;

use std::{
    collections::HashMap,
    sync::{Arc, Once, Weak},
};

use ozg_protocols::{
    application::Channel,
    fit_connect::callback::{CallbackRefused, CallbackSecret},
    forms::Mappings,
    ids::{CommandKey, DestinationId, IntakeId},
    principal::Principal,
};
use ozg_storage::journal::BoxFuture;

pub(crate) use credentials::PublishedKey;
pub(crate) use meter::DestinationMeter;

use crate::{
    case::Outcome,
    intake::{Desk, IntakeRecord},
    outbound::Outbound,
    outbox,
    supervise::{self, Address, AskError, Spec},
    tenant::{Callback, CallbackError, Channels, Connect, Connected, Gate, TenantContext, UnreadCallback},
};
use connector::{ConnectorActor, ConnectorMessage};
use credentials::Credentials;
use meter::Meter;
use service::DeliveryService;

/// Retries of people that one destination has in hand at a time.
const RETRIES: usize = 16;

/// Makes the FIT-Connect channels of every tenant of one house.
#[must_use]
pub fn connect(outbound: Outbound) -> Connect {
    let meter = Meter::default();
    let registered = Once::new();
    Arc::new(move |context| {
        registered.call_once(|| {
            meter.register(context.probe.observation());
        });
        channels(context, &outbound, &meter)
    })
}

fn channels(context: &TenantContext, outbound: &Outbound, meter: &Meter) -> Connected {
    let mut children = Vec::new();
    let mut services = HashMap::new();
    for settings in &context.settings.destinations {
        let (spec, credentials) = Credentials::spec(settings, outbound, meter.of(settings.id), &context.probe);
        children.push(spec);
        services.insert(
            settings.id,
            DeliveryService::new(settings.clone(), outbound.clone(), credentials, context.agreement.clone()),
        );
    }
    let (spec, outbox) = outbox::spec(context, services.clone());
    children.push(spec);
    let mappings = Mappings::new(context.settings.mappings.clone());
    let mut destinations = HashMap::new();
    for settings in &context.settings.destinations {
        let Some(service) = services.get(&settings.id).cloned() else { continue };
        let desk = Arc::new(Desk {
            context: context.clone(),
            settings: settings.clone(),
            service,
            mappings: mappings.clone(),
            schemas: context.settings.data_schemas.clone(),
            meter: meter.of(settings.id),
            outbox: outbox.clone(),
        });
        let name = format!("fit-connect-{}", settings.id);
        let arguments = {
            let desk = desk.clone();
            move |probe| (desk.clone(), probe)
        };
        let probe = context.probe.child(name.clone(), &supervise::CONNECTOR, RETRIES as u64);
        let (spec, connector) = Spec::new(name, &supervise::CONNECTOR, || ConnectorActor, arguments);
        children.push(spec.seen_by(probe.clone()));
        let secret = settings.callback_secret.as_ref().and_then(|secret| CallbackSecret::new(secret.expose()).ok());
        let retries = Gate::new("retries", RETRIES, probe);
        destinations.insert(settings.id, Destination { connector, retries, secret, desk: Arc::downgrade(&desk) });
    }
    Connected { children, door: Arc::new(FitConnect { destinations }) }
}

/// The door of a tenant's FIT-Connect channels. Keeps nothing alive: when the connectors are gone, so is what they used.
#[derive(Debug)]
struct FitConnect {
    destinations: HashMap<DestinationId, Destination>,
}

#[derive(Debug)]
struct Destination {
    connector: Address<ConnectorMessage>,
    retries: Gate,
    secret: Option<CallbackSecret>,
    desk: Weak<Desk>,
}

impl Channels for FitConnect {
    fn retry(&self, who: Principal, intake: IntakeId, key: CommandKey) -> BoxFuture<'_, Result<Outcome, AskError>> {
        Box::pin(async move { self.reopen(who, intake, key).await })
    }

    fn callback(&self, destination: DestinationId, call: Callback) -> BoxFuture<'_, Result<(), CallbackError>> {
        Box::pin(async move {
            let desk = self.called(destination, &call)?;
            // Who calls later is heard again; meanwhile the list is not asked for anything new (law 9).
            if desk.context.journal.has_room().await { Ok(()) } else { Err(AskError::FULL.into()) }
        })
    }

    /// One for nobody is not counted: whoever makes up destinations must not make up metrics.
    fn unread(&self, destination: DestinationId, why: UnreadCallback) {
        let Some(desk) = self.destinations.get(&destination).and_then(|at| at.desk.upgrade()) else { return };
        let outcome = match why {
            UnreadCallback::TooLarge => "too-large",
            UnreadCallback::CutOff => "cut-off",
        };
        refuse(destination, &desk, outcome);
    }
}

/// Says that a callback is refused: to whoever looks at the numbers, and to whoever looks for the reason.
fn refuse(destination: DestinationId, desk: &Desk, outcome: &'static str) {
    desk.meter.callback(outcome);
    tracing::warn!(%destination, outcome, "a callback is refused");
}

impl FitConnect {
    /// Tries a clearing item again. Whoever wants it may go away meanwhile: its connector makes it durable and goes on with
    /// it. Doing it twice under one key is doing it once.
    async fn reopen(&self, who: Principal, intake: IntakeId, key: CommandKey) -> Result<Outcome, AskError> {
        // Which destination it is for stands in the journal that all of them share.
        let Some(desk) = self.destinations.values().find_map(|at| at.desk.upgrade()) else {
            return Err(AskError::Unavailable);
        };
        let record = IntakeRecord::load(&desk.context, intake).await?;
        let channel = record.intake.as_ref().map(|intake| &intake.channel);
        let Some(Channel::FitConnect { destination, .. }) = channel else { return Err(AskError::NotFound) };
        let Some(at) = self.destinations.get(destination) else { return Err(AskError::NotFound) };
        let wish = |reply, waiting| ConnectorMessage::Reopen { intake, who: who.clone(), key, reply, waiting };
        at.retries.ask(&at.connector, wish).await
    }

    /// Checks a callback and wakes the connector; what it says is not believed, the list is read instead.
    fn called(&self, destination: DestinationId, call: &Callback) -> Result<Arc<Desk>, CallbackError> {
        let unknown = CallbackError::UnknownDestination;
        let Destination { connector, secret, desk, .. } = self.destinations.get(&destination).ok_or(unknown)?;
        let secret = secret.as_ref().ok_or(unknown)?;
        let desk = desk.upgrade().ok_or(AskError::Draining)?;
        let now = desk.context.clock.now();
        let (outcome, answer) = match secret.open(&call.authentication, &call.timestamp, &call.body, now) {
            Ok(_) => ("ok", Ok(())),
            // Authentic, in words we do not know: looking does no harm.
            Err(CallbackRefused::Body) => ("malformed", Ok(())),
            Err(CallbackRefused::TooOld) => ("too-old", Err(CallbackError::Unauthenticated)),
            Err(CallbackRefused::Timestamp | CallbackRefused::Authentication) => {
                ("not-authentic", Err(CallbackError::Unauthenticated))
            }
        };
        if let Err(refused) = answer {
            refuse(destination, &desk, outcome);
            return Err(refused);
        }
        desk.meter.callback(outcome);
        connector.tell(ConnectorMessage::Called);
        Ok(desk)
    }
}
