//! The tenant (Mandant) as a stream: who it is, which key opens it, which case numbers it has given out.
//!
//! Settings that operators keep in files do not lie here. Event schema 1.

use serde::{Deserialize, Serialize};

use crate::{case::CaseNumber, ids::TenantSlug, moment::Moment};

/// How many case numbers a tenant reserves at a time. A restart leaves the rest of a block unused.
pub const NUMBER_BLOCK: u64 = 100;

/// Something that happened to a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TenantEvent {
    /// It was set up; the first record of every store.
    Created {
        /// Its slug.
        slug: TenantSlug,
        /// Its name as people read it.
        name: String,
        /// The fingerprint of the key that opens the store.
        key_fingerprint: [u8; 32],
    },
    /// A block of case numbers was reserved.
    NumbersReserved {
        /// The year they belong to.
        year: i16,
        /// The last one of the block; it begins after the block before it.
        up_to: u64,
    },
}

/// A tenant event with its moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedTenant {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub event: TenantEvent,
}

/// The case numbers that may be given out without asking the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberBlock {
    year: i16,
    next: u64,
    up_to: u64,
}

impl NumberBlock {
    /// The block after these events: whatever was reserved before counts as used.
    pub fn fold<'e>(events: impl IntoIterator<Item = &'e RecordedTenant>) -> Self {
        events.into_iter().fold(Self::default(), |block, recorded| match recorded.event {
            TenantEvent::NumbersReserved { year, up_to } if year >= block.year => Self { year, next: up_to + 1, up_to },
            _ => block,
        })
    }

    /// The next number of this year, or the reservation that has to be durable before there is one.
    ///
    /// # Errors
    /// The event to append first; then [`NumberBlock::reserved`].
    pub fn take(&mut self, prefix: &str, year: i16) -> Result<CaseNumber, TenantEvent> {
        if year != self.year || self.next > self.up_to {
            let used = if year == self.year { self.up_to } else { 0 };
            return Err(TenantEvent::NumbersReserved { year, up_to: used + NUMBER_BLOCK });
        }
        let number = CaseNumber::new(prefix, year, self.next);
        self.next += 1;
        Ok(number)
    }

    /// The block after its reservation became durable.
    pub fn reserved(&mut self, event: &TenantEvent) {
        if let TenantEvent::NumbersReserved { year, up_to } = event {
            *self = Self { year: *year, next: up_to - NUMBER_BLOCK + 1, up_to: *up_to };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(block: &mut NumberBlock, year: i16) -> RecordedTenant {
        let event = block.take("MUS", year).expect_err("nothing is reserved");
        block.reserved(&event);
        RecordedTenant { at: Moment::default(), event }
    }

    #[test]
    fn numbers_begin_at_one_every_year() {
        let mut block = NumberBlock::default();
        for year in [2026, 2027] {
            reserve(&mut block, year);
            assert_eq!(block.take("MUS", year), Ok(CaseNumber::new("MUS", year, 1)));
        }
    }

    #[test]
    fn a_restart_gives_no_number_twice() {
        let mut block = NumberBlock::default();
        let reserved = reserve(&mut block, 2026);
        let mut after = NumberBlock::fold([&reserved]);
        reserve(&mut after, 2026);
        assert_eq!(after.take("MUS", 2026), Ok(CaseNumber::new("MUS", 2026, NUMBER_BLOCK + 1)));
    }

    #[test]
    fn a_used_up_block_is_followed_by_the_next() {
        let mut block = NumberBlock::default();
        reserve(&mut block, 2026);
        for _ in 0..NUMBER_BLOCK {
            block.take("MUS", 2026).expect("within the block");
        }
        let next = TenantEvent::NumbersReserved { year: 2026, up_to: 2 * NUMBER_BLOCK };
        assert_eq!(block.take("MUS", 2026), Err(next));
    }
}
