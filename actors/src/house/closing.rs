//! Closing the house from the edge inwards. Each group finishes what it has before the next one is asked to.

use std::{sync::Arc, time::Duration};

use ractor::ActorCell;
use tokio::time::Instant;

use super::{House, root::RootMessage, start::Store};
use crate::{
    supervise::Address,
    tenant::{Staff, Tenant, TenantMessage},
};

/// How long a supervisor is asked who works for it.
const ASKED: Duration = Duration::from_secs(2);

/// What became of those who had something to finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainReport {
    /// Actors that finished what they had.
    pub finished: usize,
    /// Actors that had to be cut off.
    pub cut_off: usize,
    /// How long it took.
    pub took: Duration,
}

/// Drains one after the other until the time is over.
struct Drain {
    until: Instant,
    finished: usize,
    cut_off: usize,
}

impl House {
    /// Closes the house: nobody comes in any more, and whoever has something finishes it, at most this long.
    pub async fn drain(self, within: Duration) -> DrainReport {
        let started = Instant::now();
        self.0.closing.send_replace(true);
        let mut drain = Drain { until: started + within, finished: 0, cut_off: 0 };
        for tenant in &self.0.tenants {
            drain.tenant(tenant).await;
        }
        let root = Address::fixed(self.0.root.clone());
        // The tenants come before the infrastructure: last started, first drained.
        let below = root.ask(ASKED, RootMessage::Staff).await.unwrap_or_default();
        drain.all(below).await;
        drain.all(vec![self.0.root.get_cell()]).await;
        for Store(store) in &self.0.stores {
            drain.let_go(store).await;
            drain.let_go(&store.core).await;
        }
        DrainReport { finished: drain.finished, cut_off: drain.cut_off, took: started.elapsed() }
    }
}

impl Drain {
    async fn tenant(&mut self, tenant: &Tenant) {
        let address = tenant.edge().tenant();
        let staff = || address.ask(ASKED, |reply| TenantMessage::Staff { reply });
        // The channels may still give orders to cases: the edge closes behind them.
        if let Ok(Staff { channels, .. }) = staff().await {
            self.all(channels).await;
        }
        tenant.edge().close();
        if let Ok(Staff { cases, household, .. }) = staff().await {
            self.all(cases).await;
            self.all(household).await;
        }
    }

    /// An actor's end is heard before its state is dropped: waits until nobody but the house holds the store, so that whoever
    /// opens it next finds it closed.
    async fn let_go<T>(&self, store: &Arc<T>) {
        while Arc::strong_count(store) > 1 && Instant::now() < self.until {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn all(&mut self, cells: Vec<ActorCell>) {
        for cell in cells {
            let left = self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
            if cell.drain_and_wait(Some(left)).await.is_ok() {
                self.finished += 1;
            } else {
                self.cut_off += 1;
                let _ = cell.kill_and_wait(Some(Duration::from_secs(1))).await;
            }
        }
    }
}
