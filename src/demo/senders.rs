//! Three senders, as the online services of a town: each sends an application, pauses, and sends the next.

use std::{sync::Arc, time::Duration};

use ozg_protocols::{fit_connect::jose::rsa::EncryptionKey, moment::Moment};
use serde_json::Value;
use tokio::{
    sync::OnceCell,
    task::{JoinHandle, JoinSet},
};

use super::{
    DemoError, DemoSettings,
    ground::Ground,
    town::{DemoDestination, TENANTS},
};
use crate::sender::{
    client::{Receipt, SendError, Sender, Verdict},
    parcel::Parcel,
    sample::Samples,
    transport::Transport,
};

/// The senders.
#[derive(Debug)]
pub(super) struct Senders {
    senders: Vec<OneSender>,
    pause: Duration,
    seed: u64,
    clock: fn() -> Moment,
}

#[derive(Debug)]
struct OneSender {
    sender: Sender,
    destination: &'static DemoDestination,
    key: OnceCell<EncryptionKey>,
}

/// An application on its way.
#[derive(Debug)]
pub(super) struct Sent {
    receipt: Receipt,
    /// How lists name who applies.
    pub(super) applicant: String,
}

impl Senders {
    /// One sender for each destination.
    pub(super) fn new(settings: &DemoSettings, ground: &Ground, transport: &Transport) -> Self {
        let destinations = TENANTS.iter().flat_map(|tenant| tenant.destinations);
        let sender = |destination| OneSender {
            sender: Sender::new(transport.clone(), ground.sender_account()),
            destination,
            key: OnceCell::new(),
        };
        Self {
            senders: destinations.map(sender).collect(),
            pause: settings.pause,
            seed: settings.seed,
            clock: settings.clock,
        }
    }

    /// Sends the very first application, to the first destination.
    pub(super) async fn send_first(&self) -> Result<Sent, DemoError> {
        let mut samples = Samples::new(self.seed);
        Ok(self.senders[0].send(&mut samples, (self.clock)()).await?)
    }

    /// Whether the sandbox shows an application of the first sender as accepted.
    pub(super) async fn accepted(&self, sent: &Sent) -> Result<bool, DemoError> {
        let first = &self.senders[0];
        let wait = first.sender.wait(sent.receipt, first.destination.version, Duration::from_secs(1));
        Ok(wait.await? == Verdict::Accepted)
    }

    /// Starts to send; aborting the task ends it.
    pub(super) fn start(self: Arc<Self>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut sending = JoinSet::new();
            for place in 0..self.senders.len() {
                sending.spawn(self.clone().keep_sending(place));
            }
            while sending.join_next().await.is_some() {}
        })
    }

    async fn keep_sending(self: Arc<Self>, place: usize) {
        let sender = &self.senders[place];
        let mut samples = Samples::new(self.seed.wrapping_add(1 + place as u64));
        loop {
            if let Err(error) = sender.send(&mut samples, (self.clock)()).await {
                tracing::warn!(%error, destination = sender.destination.name, "an application could not be sent");
            }
            tokio::time::sleep(self.pause).await;
        }
    }
}

impl OneSender {
    async fn send(&self, samples: &mut Samples, now: Moment) -> Result<Sent, SendError> {
        let DemoDestination { version, .. } = *self.destination;
        let id = self.destination.id();
        let key = self.key.get_or_try_init(|| self.sender.key_of(id, version)).await?;
        let parcel = samples.next(version, now);
        let applicant = applicant_of(&parcel);
        let receipt = self.sender.send(id, key, version, &parcel, None).await?;
        Ok(Sent { receipt, applicant })
    }
}

/// How lists name who applies: the organisation, or given and family name as they stand in the form.
fn applicant_of(parcel: &Parcel) -> String {
    let form: Value = serde_json::from_slice(&parcel.data).unwrap_or_default();
    let items = form.pointer("/formData/0/formItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let value = |name: &str| {
        let item = items.iter().find(|item| item.get("name").and_then(Value::as_str) == Some(name))?;
        item.get("stringValue").and_then(Value::as_str)
    };
    let person = || [value("vorname"), value("nachname")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    value("firma").map_or_else(person, str::to_owned)
}
