//! Closing the house from the edge inwards. Each group finishes what it has before the next one is asked to.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use ractor::{ActorCell, ActorRef};
use tokio::time::Instant;

use super::{House, root::RootMessage, start::Store};
use crate::{
    observe::Probe,
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
        // From here on nobody joins.
        drain.all(self.0.opener.iter().filter_map(Address::now).map(|opener| opener.get_cell()).collect()).await;
        drain.tenants(&self.tenants()).await;
        // The tenants come before the infrastructure: last started, first drained.
        let mut tenants = staff(&self.0.root, &self.0.probes.house).await;
        let infrastructure = tenants.pop();
        drain.all(tenants).await;
        if let Some(infrastructure) = infrastructure {
            // Batchers, then the clock and the connections, then the pools, the vault last.
            drain.all(staff(&infrastructure.clone().into(), &self.0.probes.infrastructure).await).await;
            drain.all(vec![infrastructure]).await;
        }
        drain.all(vec![self.0.root.get_cell()]).await;
        for Store(store) in &self.stores() {
            // The house, and this.
            drain.let_go(store, 2).await;
            drain.let_go(&store.core, 1).await;
        }
        DrainReport { finished: drain.finished, cut_off: drain.cut_off, took: started.elapsed() }
    }
}

/// Who works for a supervisor, in the order in which they are drained.
async fn staff(supervisor: &ActorRef<RootMessage>, probe: &Probe) -> Vec<ActorCell> {
    let address = Address::fixed(supervisor.clone(), probe.clone());
    address.ask_seen(ASKED, RootMessage::Staff).await.unwrap_or_default()
}

impl Drain {
    /// All at once: none waits until the others have used up the time.
    async fn tenants(&mut self, tenants: &[Tenant]) {
        let drained = tenants.iter().map(|tenant| async {
            let mut drain = Self { until: self.until, finished: 0, cut_off: 0 };
            drain.tenant(tenant).await;
            drain
        });
        for Self { finished, cut_off, .. } in join_all(drained).await {
            self.finished += finished;
            self.cut_off += cut_off;
        }
    }

    async fn tenant(&mut self, tenant: &Tenant) {
        let address = tenant.edge().tenant();
        let staff = || address.ask_seen(ASKED, |reply, waiting| TenantMessage::Staff { reply, waiting });
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

    /// An actor's end is heard before its state is dropped: waits until nobody else holds the store, so that whoever
    /// opens it next finds it closed.
    async fn let_go<T>(&self, store: &Arc<T>, holders: usize) {
        while Arc::strong_count(store) > holders && Instant::now() < self.until {
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
