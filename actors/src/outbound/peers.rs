//! Who is called: how much is under way there, and how it behaves.

use std::collections::HashMap;

use http::uri::Authority;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

use super::{CallError, meter::Meter};

/// So many exchanges with one peer at a time: a service that hangs must not take the permits of all others.
pub(super) const MOST_WITH_ONE: usize = 512;
/// The most peers that are remembered; there are no more permits than that.
pub(super) const MOST: usize = 1_024;

/// One peer.
#[derive(Debug)]
struct Peer {
    under_way: usize,
    /// How often in a row it failed, how it did last, and since when it does.
    failures: u32,
    trouble: Option<(&'static str, Instant)>,
    shown_under_way: Gauge,
    shown_failures: Gauge,
}

/// All peers that were called lately.
#[derive(Debug)]
pub(super) struct Peers {
    peers: HashMap<Authority, Peer>,
    meter: Meter,
}

/// What the end of an exchange says about its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaved {
    /// It answers, whatever it says.
    Well,
    /// It is in trouble.
    Badly(&'static str),
    /// Nobody waited for the end.
    Unknown,
}

impl Behaved {
    pub(super) fn of(error: Option<&CallError>) -> Self {
        error.filter(|error| error.is_trouble()).map_or(Self::Well, |error| Self::Badly(error.kind()))
    }
}

/// What changed with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing to speak of.
    None,
    /// It has failed; for the first time since it worked, or once more.
    Fails { why: &'static str, first: bool },
    /// It works again, after so many failures since then.
    Works { failures: u32, since: Instant },
}

impl Peers {
    /// Nobody yet: what an earlier one had under way has ended with it.
    pub(super) fn new(meter: Meter) -> Self {
        meter.forget_peers();
        Self { peers: HashMap::new(), meter }
    }

    /// An exchange with this peer begins; false where too many are under way already.
    pub(super) fn begin(&mut self, at: &Authority) -> bool {
        if self.peers.len() >= MOST && !self.peers.contains_key(at) {
            self.forget();
        }
        let peer = self.peers.entry(at.clone()).or_insert_with(|| {
            let [shown_under_way, shown_failures] = self.meter.peer(at.as_str());
            Peer { under_way: 0, failures: 0, trouble: None, shown_under_way, shown_failures }
        });
        let has_room = peer.under_way < MOST_WITH_ONE;
        if has_room {
            peer.under_way += 1;
            peer.shown_under_way.inc();
        }
        has_room
    }

    /// One has ended.
    pub(super) fn ended(&mut self, at: &Authority, behaved: Behaved, now: Instant) -> Turn {
        let Some(peer) = self.peers.get_mut(at) else { return Turn::None };
        peer.under_way = peer.under_way.saturating_sub(1);
        peer.shown_under_way.set(i64::try_from(peer.under_way).unwrap_or(i64::MAX));
        match behaved {
            Behaved::Unknown => Turn::None,
            Behaved::Well => {
                let failures = std::mem::take(&mut peer.failures);
                peer.shown_failures.set(0);
                peer.trouble.take().map_or(Turn::None, |(_, since)| Turn::Works { failures, since })
            }
            Behaved::Badly(why) => {
                let (first, since) = (peer.trouble.is_none(), peer.trouble.map_or(now, |(_, since)| since));
                peer.failures = peer.failures.saturating_add(1);
                peer.trouble = Some((why, since));
                peer.shown_failures.set(i64::from(peer.failures));
                Turn::Fails { why, first }
            }
        }
    }

    /// Those that nothing is under way with: of them there is always one where there are as many peers as permits.
    fn forget(&mut self) {
        let meter = &self.meter;
        self.peers.retain(|at, peer| {
            let stays = peer.under_way > 0;
            if !stays {
                meter.forget_peer(at.as_str());
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        Peers::new(Meter::new())
    }

    fn at(name: &str) -> Authority {
        name.parse().expect("an authority")
    }

    #[test]
    fn a_peer_that_hangs_keeps_nobody_from_the_others() {
        let (mut peers, slow) = (peers(), at("slow.example"));
        assert!((0..MOST_WITH_ONE).all(|_| peers.begin(&slow)));
        assert!(!peers.begin(&slow) && peers.begin(&at("other.example")));
        peers.ended(&slow, Behaved::Badly("timeout"), Instant::now());
        assert!(peers.begin(&slow));
        assert_eq!(peers.peers[&slow].under_way, MOST_WITH_ONE);
    }

    #[test]
    fn failures_in_a_row_are_counted_from_the_first_until_it_answers() {
        let (mut peers, away, since) = (peers(), at("away.example"), Instant::now());
        let mut ends = |behaved| {
            assert!(peers.begin(&away));
            peers.ended(&away, behaved, since)
        };
        let fails = |first| Turn::Fails { why: "network", first };
        assert_eq!(ends(Behaved::Badly("network")), fails(true));
        assert_eq!(ends(Behaved::Unknown), Turn::None);
        assert_eq!(ends(Behaved::Badly("network")), fails(false));
        assert_eq!(ends(Behaved::Well), Turn::Works { failures: 2, since });
        assert_eq!(ends(Behaved::Well), Turn::None);
    }

    #[test]
    fn who_is_not_called_any_more_is_forgotten_for_others() {
        let (mut peers, held) = (peers(), at("held.example"));
        assert!(peers.begin(&held));
        for number in 0..MOST * 2 {
            let peer = at(&format!("{number}.example"));
            assert!(peers.begin(&peer));
            peers.ended(&peer, Behaved::Well, Instant::now());
        }
        assert!(peers.peers.len() <= MOST && peers.peers.contains_key(&held));
    }
}
