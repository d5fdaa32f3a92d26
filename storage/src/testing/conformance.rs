//! What every journal promises, as one suite against the trait: a second backend has to pass the same.
//!
//! Bodies are any bytes here: a journal does not look into them. Each rule uses streams of its own, so that all run on one
//! journal; `fresh` journals are asked for where the tenant's order matters.

use ozg_protocols::{
    ids::{CommandKey, KeyId},
    moment::Moment,
};

use crate::journal::{
    Append, Appended, Backlog, Cursor, EffectTarget, EffectVerdict, Epoch, Journal, JournalError, Lane, MAX_BODY,
    SealedBody, SealedEffect, StreamId, StreamKind, Version, Weight,
};

const TARGET: EffectTarget = EffectTarget::FitConnect;
const LANE: Lane = Lane { target: TARGET, place: 7 };

fn body(bytes: &[u8]) -> SealedBody {
    SealedBody { schema: 1, key: KeyId::from_u128(1), bytes: bytes.to_vec() }
}

const fn stream(id: u128) -> StreamId {
    StreamId { kind: StreamKind::Case, id }
}

const fn at(seconds: i64) -> Moment {
    Moment::from_seconds(seconds)
}

fn append(id: u128, expected: u64, key: u128) -> Append {
    Append {
        stream: stream(id),
        expected: Version(expected),
        epoch: Epoch(0),
        origin: [9; 32],
        key: CommandKey::from_u128(key),
        digest: [1; 32],
        weight: Weight::Ordinary,
        at: at(1),
        events: 1,
        body: body(&key.to_be_bytes()),
        reply: vec![7],
        new_keys: Vec::new(),
        effects: Vec::new(),
    }
}

fn with_effect(mut append: Append, due: Moment, text: &[u8]) -> Append {
    append.effects.push(SealedEffect { lane: LANE, due, body: body(text) });
    append
}

async fn durable(journal: &dyn Journal, append: Append) -> (Version, u64) {
    match journal.append(append).await {
        Ok(Appended::Durable { version, number }) => (version, number.0),
        other => panic!("not durable: {other:?}"),
    }
}

/// Runs every rule. `journal` is empty but for the founding record; `other` is the journal of another tenant.
///
/// # Panics
/// If a rule is broken; the message is the name of the assertion.
pub async fn every_rule(journal: &dyn Journal, other: &dyn Journal) {
    versions_and_numbers_have_no_gaps(journal).await;
    a_repeated_command_gets_its_first_answer(journal).await;
    a_key_used_by_another_command_is_refused(journal).await;
    an_author_who_knew_too_little_or_too_much_is_told_the_version(journal).await;
    a_writer_of_an_older_epoch_is_fenced(journal).await;
    bounds_are_kept(journal).await;
    streams_read_from_any_version_in_order(journal).await;
    a_record_of_several_events_counts_them(journal).await;
    records_carry_their_stream_s_chain(journal).await;
    the_tail_resumes_where_it_stopped(journal).await;
    a_foreign_cursor_is_refused(journal, other).await;
    effects_exist_exactly_if_their_record_does(journal).await;
    a_claim_is_exclusive_until_its_time_and_counts_attempts(journal).await;
    a_released_claim_is_free_at_once(journal).await;
    a_settled_effect_is_gone_and_a_retry_waits(journal).await;
    what_nobody_tried_is_no_attempt_and_waits_unsettled(journal).await;
    what_waits_in_one_lane_holds_up_no_other(journal).await;
    the_newest_snapshot_is_kept(journal).await;
    small_records_expire_and_can_be_removed(journal).await;
    an_intake_s_keys_are_kept_for_ever_and_a_case_s_last_64(journal).await;
}

async fn versions_and_numbers_have_no_gaps(journal: &dyn Journal) {
    let (_, first) = durable(journal, append(100, 0, 1)).await;
    assert!(matches!(journal.append(append(100, 0, 2)).await, Ok(Appended::Conflict { .. })));
    let (version, second) = durable(journal, append(100, 1, 3)).await;
    assert_eq!((version, second), (Version(2), first + 1), "a refused append takes no number");
}

async fn a_repeated_command_gets_its_first_answer(journal: &dyn Journal) {
    durable(journal, append(101, 0, 1)).await;
    durable(journal, append(101, 1, 2)).await;
    let again = journal.append(append(101, 0, 1)).await;
    assert_eq!(again, Ok(Appended::Duplicate { version: Version(1), reply: vec![7] }));
    let stored = journal.answer_to(stream(101), CommandKey::from_u128(1)).await.expect("reads").expect("is stored");
    assert_eq!((stored.digest, stored.version, stored.reply), ([1; 32], Version(1), vec![7]));
    assert_eq!(journal.answer_to(stream(101), CommandKey::from_u128(3)).await, Ok(None));
    assert_eq!(journal.answer_to(stream(999), CommandKey::from_u128(1)).await, Ok(None), "keys belong to a stream");
    assert_eq!(journal.read(stream(101), Version(0), 9).await.expect("reads").records.len(), 2);
}

async fn a_key_used_by_another_command_is_refused(journal: &dyn Journal) {
    durable(journal, append(102, 0, 1)).await;
    let other = Append { digest: [2; 32], ..append(102, 1, 1) };
    assert_eq!(journal.append(other).await, Ok(Appended::KeyReused));
}

async fn an_author_who_knew_too_little_or_too_much_is_told_the_version(journal: &dyn Journal) {
    durable(journal, append(103, 0, 1)).await;
    for expected in [0, 2] {
        let answer = journal.append(append(103, expected, 2)).await;
        assert_eq!(answer, Ok(Appended::Conflict { actual: Version(1) }));
    }
}

async fn a_writer_of_an_older_epoch_is_fenced(journal: &dyn Journal) {
    durable(journal, Append { epoch: Epoch(5), ..append(104, 0, 1) }).await;
    let late = journal.append(Append { epoch: Epoch(4), ..append(104, 1, 2) }).await;
    assert_eq!(late, Ok(Appended::Fenced { epoch: Epoch(5) }));
    durable(journal, Append { epoch: Epoch(5), ..append(104, 1, 3) }).await;
}

async fn bounds_are_kept(journal: &dyn Journal) {
    let empty = Append { events: 0, ..append(105, 0, 1) };
    assert!(matches!(journal.append(empty).await, Err(JournalError::Invalid(_))));
    let long = Append { body: body(&vec![0; MAX_BODY + 1]), ..append(105, 0, 1) };
    assert!(matches!(journal.append(long).await, Err(JournalError::Invalid(_))));
    durable(journal, Append { body: body(&vec![0; MAX_BODY]), ..append(105, 0, 1) }).await;
}

async fn streams_read_from_any_version_in_order(journal: &dyn Journal) {
    for version in 0..200 {
        durable(journal, append(106, version, 1_000 + u128::from(version))).await;
    }
    for from in [0, 1, 63, 64, 65, 127, 128, 129, 199] {
        let records = journal.read(stream(106), Version(from), 1_000).await.expect("reads").records;
        assert!(records.iter().map(|record| record.first.0).eq(from..200), "from {from}");
    }
    assert_eq!(journal.read(stream(106), Version(10), 5).await.expect("reads").records.len(), 5);
    assert!(journal.read(stream(106), Version(200), 5).await.expect("reads").records.is_empty());
}

async fn a_record_of_several_events_counts_them(journal: &dyn Journal) {
    let (version, _) = durable(journal, Append { events: 3, ..append(107, 0, 1) }).await;
    assert_eq!(version, Version(3));
    durable(journal, append(107, 3, 2)).await;
    let within = journal.read(stream(107), Version(2), 9).await.expect("reads").records;
    assert!(
        within.iter().map(|record| record.first.0).eq([0, 3]),
        "a record is read if any of its events is asked for"
    );
    assert_eq!(journal.read(stream(107), Version(3), 9).await.expect("reads").records.len(), 1);
}

async fn records_carry_their_stream_s_chain(journal: &dyn Journal) {
    for version in 0..3 {
        durable(journal, append(108, version, u128::from(version))).await;
    }
    let records = journal.read(stream(108), Version(0), 9).await.expect("reads").records;
    assert_eq!(records[0].previous, [9; 32], "a stream's chain begins with its origin");
    assert!(records.windows(2).all(|pair| pair[1].previous == pair[0].hash));
}

async fn the_tail_resumes_where_it_stopped(journal: &dyn Journal) {
    let (mut cursor, mut seen) = (journal.beginning(), Vec::new());
    loop {
        let page = journal.tail(cursor, 7).await.expect("reads");
        cursor = Cursor::from_bytes(page.next.as_bytes().to_vec());
        if page.records.is_empty() {
            break;
        }
        assert!(page.records.len() <= 7);
        seen.extend(page.records.into_iter().map(|record| record.number.0));
    }
    assert!(seen.iter().copied().eq(1..=seen.len() as u64));
    let (_, number) = durable(journal, append(109, 0, 1)).await;
    let page = journal.tail(cursor, 7).await.expect("reads");
    assert_eq!((page.records.len(), page.records[0].number.0, page.newest.0), (1, number, number));
}

async fn a_foreign_cursor_is_refused(journal: &dyn Journal, other: &dyn Journal) {
    assert!(matches!(journal.tail(other.beginning(), 1).await, Err(JournalError::Invalid(_))));
    assert!(matches!(journal.tail(Cursor::from_bytes(vec![1, 2]), 1).await, Err(JournalError::Invalid(_))));
}

async fn effects_exist_exactly_if_their_record_does(journal: &dyn Journal) {
    let refused = with_effect(append(110, 5, 1), at(10), b"never");
    assert!(matches!(journal.append(refused).await, Ok(Appended::Conflict { .. })));
    let done = with_effect(append(110, 0, 2), at(10), b"once");
    let (_, number) = durable(journal, done.clone()).await;
    assert!(matches!(journal.append(done).await, Ok(Appended::Duplicate { .. })));
    assert_eq!(journal.claim(vec![(LANE, 9)], at(9), at(20)).await, Ok(Vec::new()), "not before it is due");
    let other = journal.claim(vec![(Lane { target: EffectTarget::Checkpoint, ..LANE }, 9)], at(99), at(100)).await;
    assert_eq!(other, Ok(Vec::new()), "only for its target");
    let claimed = journal.claim(vec![(LANE, 9)], at(10), at(20)).await.expect("claims");
    assert_eq!(claimed.len(), 1);
    assert_eq!(
        (claimed[0].id.record.0, claimed[0].stream, claimed[0].body.bytes.as_slice()),
        (number, stream(110), &b"once"[..])
    );
    assert_eq!((claimed[0].first, claimed[0].since), (Version(0), at(10)));
    journal.settle(vec![(claimed[0].id, EffectVerdict::Done)]).await.expect("settles");
}

async fn a_claim_is_exclusive_until_its_time_and_counts_attempts(journal: &dyn Journal) {
    durable(journal, with_effect(append(111, 0, 1), at(12), b"second")).await;
    durable(journal, with_effect(append(112, 0, 1), at(11), b"first")).await;
    let claimed = journal.claim(vec![(LANE, 1)], at(30), at(40)).await.expect("claims");
    assert_eq!(claimed[0].body.bytes, b"first", "oldest first");
    let rest = journal.claim(vec![(LANE, 9)], at(30), at(40)).await.expect("claims");
    assert_eq!((rest.len(), rest[0].attempts), (1, 0));
    assert_eq!(journal.claim(vec![(LANE, 9)], at(39), at(50)).await, Ok(Vec::new()), "claimed until then");
    let again = journal.claim(vec![(LANE, 9)], at(40), at(50)).await.expect("claims");
    assert!(again.len() == 2 && again.iter().all(|effect| effect.attempts == 1), "each claim is an attempt");
    let done = again.iter().map(|effect| (effect.id, EffectVerdict::Done)).collect();
    journal.settle(done).await.expect("settles");
}

async fn a_released_claim_is_free_at_once(journal: &dyn Journal) {
    durable(journal, with_effect(append(191, 0, 1), at(11), b"held")).await;
    assert_eq!(journal.claim(vec![(LANE, 9)], at(80), at(90)).await.expect("claims").len(), 1);
    journal.release(TARGET, at(81), at(90)).await.expect("releases");
    assert_eq!(
        journal.claim(vec![(LANE, 9)], at(81), at(90)).await,
        Ok(Vec::new()),
        "it runs out no earlier than then"
    );
    journal.release(TARGET, at(81), at(91)).await.expect("releases");
    let again = journal.claim(vec![(LANE, 9)], at(81), at(90)).await.expect("claims");
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    journal.settle(vec![(again[0].id, EffectVerdict::Done)]).await.expect("settles");
}

async fn a_settled_effect_is_gone_and_a_retry_waits(journal: &dyn Journal) {
    durable(journal, with_effect(append(113, 0, 1), at(11), b"again")).await;
    let claimed = journal.claim(vec![(LANE, 9)], at(60), at(70)).await.expect("claims");
    journal.settle(vec![(claimed[0].id, EffectVerdict::Retry(at(65)))]).await.expect("settles");
    assert_eq!(journal.claim(vec![(LANE, 9)], at(64), at(70)).await, Ok(Vec::new()));
    let again = journal.claim(vec![(LANE, 9)], at(65), at(75)).await.expect("claims");
    assert_eq!((again[0].attempts, again[0].since), (1, at(11)));
    let done = vec![(again[0].id, EffectVerdict::Done)];
    journal.settle(done.clone()).await.expect("settles");
    journal.settle(done).await.expect("a verdict may be repeated");
    assert_eq!(journal.claim(vec![(LANE, 9)], at(999), at(1_000)).await, Ok(Vec::new()));
}

async fn what_nobody_tried_is_no_attempt_and_waits_unsettled(journal: &dyn Journal) {
    durable(journal, with_effect(append(192, 0, 1), at(21), b"later")).await;
    durable(journal, with_effect(append(193, 0, 1), at(22), b"last")).await;
    let claimed = journal.claim(vec![(LANE, 9)], at(60), at(70)).await.expect("claims");
    let handed_back = claimed.iter().map(|effect| (effect.id, EffectVerdict::Untried(at(65)))).collect();
    journal.settle(handed_back).await.expect("settles");
    let both = Ok(vec![Backlog { lane: LANE, count: 2, oldest: at(21) }]);
    assert_eq!(journal.backlog(TARGET).await, both);
    assert_eq!(journal.backlog(EffectTarget::Checkpoint).await, Ok(Vec::new()), "each target has its own");
    let again = journal.claim(vec![(LANE, 9)], at(65), at(75)).await.expect("claims");
    assert!(again.len() == 2 && again.iter().all(|effect| effect.attempts == 0));
    assert_eq!(journal.backlog(TARGET).await, both, "whoever has claimed it, or nobody");
    journal.settle(vec![(again[0].id, EffectVerdict::Done)]).await.expect("settles");
    assert_eq!(journal.backlog(TARGET).await, Ok(vec![Backlog { lane: LANE, count: 1, oldest: at(22) }]));
    journal.settle(vec![(again[1].id, EffectVerdict::Done)]).await.expect("settles");
    assert_eq!(journal.backlog(TARGET).await, Ok(Vec::new()));
}

async fn what_waits_in_one_lane_holds_up_no_other(journal: &dyn Journal) {
    let there = Lane { target: TARGET, place: u128::MAX };
    for number in 0..3 {
        durable(journal, with_effect(append(194 + number, 0, 1), at(11), b"here")).await;
    }
    let mut last = append(197, 0, 1);
    last.effects.push(SealedEffect { lane: there, due: at(12), body: body(b"there") });
    durable(journal, last).await;
    let claimed = journal.claim(vec![(LANE, 2), (there, 2)], at(30), at(40)).await.expect("claims");
    assert_eq!(claimed.iter().map(|effect| effect.id.lane).collect::<Vec<_>>(), [LANE, LANE, there]);
    let (here, oldest) = (Backlog { lane: LANE, count: 3, oldest: at(11) }, at(12));
    assert_eq!(journal.backlog(TARGET).await, Ok(vec![here, Backlog { lane: there, count: 1, oldest }]));
    let belongs = vec![(claimed[0].id, EffectVerdict::Belongs(there, at(31)))];
    journal.settle(belongs.clone()).await.expect("settles");
    journal.settle(belongs).await.expect("a verdict may be repeated");
    let moved = journal.claim(vec![(there, 9)], at(31), at(40)).await.expect("claims");
    assert_eq!((moved.len(), moved[0].attempts, moved[0].body.bytes.as_slice()), (1, 0, &b"here"[..]));
    assert_eq!(
        journal.backlog(TARGET).await,
        Ok(vec![Backlog { lane: LANE, count: 2, oldest: at(11) }, Backlog { lane: there, count: 2, oldest: at(11) }])
    );
    let all = journal.claim(vec![(LANE, 9), (there, 9)], at(50), at(60)).await.expect("claims");
    journal.settle(all.iter().map(|effect| (effect.id, EffectVerdict::Done)).collect()).await.expect("settles");
    assert_eq!(journal.backlog(TARGET).await, Ok(Vec::new()));
}

async fn the_newest_snapshot_is_kept(journal: &dyn Journal) {
    assert_eq!(journal.snapshot(stream(114)).await, Ok(None));
    for version in [4, 9] {
        journal.put_snapshot(stream(114), Version(version), body(&[4])).await.expect("keeps");
    }
    assert_eq!(journal.snapshot(stream(114)).await, Ok(Some((Version(9), body(&[4])))));
}

async fn small_records_expire_and_can_be_removed(journal: &dyn Journal) {
    journal.put_record(1, 7, Some(body(b"a")), at(100)).await.expect("keeps");
    journal.put_record(1, 7, Some(body(b"b")), at(100)).await.expect("keeps");
    assert_eq!(journal.record(1, 7, at(99)).await, Ok(Some(body(b"b"))));
    assert_eq!(journal.record(1, 7, at(100)).await, Ok(None), "expired");
    assert_eq!(journal.record(2, 7, at(1)).await, Ok(None), "of another kind");
    journal.put_record(1, 8, Some(body(b"c")), at(5_000)).await.expect("keeps");
    assert_eq!(journal.record(1, 7, at(1)).await, Ok(None), "what has expired is forgotten");
    journal.put_record(1, 8, None, at(0)).await.expect("removes");
    assert_eq!(journal.record(1, 8, at(1)).await, Ok(None));
}

async fn an_intake_s_keys_are_kept_for_ever_and_a_case_s_last_64(journal: &dyn Journal) {
    for kind in [StreamKind::Intake, StreamKind::Case] {
        let id = StreamId { kind, id: 115 };
        for version in 0..300 {
            durable(journal, Append { stream: id, ..append(115, version, 1 + u128::from(version)) }).await;
        }
        let known = |key: u128| journal.answer_to(id, CommandKey::from_u128(key));
        assert!(known(300).await.expect("reads").is_some() && known(237).await.expect("reads").is_some());
        for older in [236, 1] {
            let version = known(older).await.expect("reads").map(|answer| u128::from(answer.version.0));
            assert_eq!(version, Some(older).filter(|_| kind == StreamKind::Intake), "{kind:?}");
        }
    }
}
