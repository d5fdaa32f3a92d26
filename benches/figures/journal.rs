//! The journal with 64 appends in flight: the full append of the actors, without and with an effect, and the bare log below
//! it, each beside raw appends and `fdatasync` of as many bytes in the same minute.
//!
//! The goals are about the raw appends that write each record by itself. The two faster ways to append are no promise; they
//! are shown beside them, so that nobody takes that limit for the best that the disk can do.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use ozg_actors::{
    House, HouseSettings, Pools, Seams, TenantSettings,
    outbound::{Outbound, OutboundSettings, SystemResolver},
    seams::WallClock,
    tenant::{Limits, NoChannels, TenantContext},
};
use ozg_protocols::{
    ids::{CommandKey, TenantSlug},
    moment::Moment,
};
use ozg_storage::{
    codec::Schema,
    disk::{Disk, RealDisk},
    journal::{Appended, Epoch, StreamId, StreamKind, Version},
    keys::{KeySource, TenantKey},
    random::{Random, StrongRandom},
    stream::{Effect, Record, Stream, Ticket},
    tenant_store::TenantStore,
    testing::{BareLog, Deed, Errand, Sample},
};

use super::{
    limits::RawAppend,
    report::{Figure, Goal},
};

const BYTES: usize = 1_800;
const IN_FLIGHT: usize = 64;
/// Cases that each of the appenders goes round in.
const CASES: u64 = 32;
const ROUNDS: usize = 4;
const TIME: Duration = Duration::from_secs(3);
/// The raw appends that figures are shown beside; the goals are about the first.
const LIMITS: [(RawAppend, &str); 3] = [
    (RawAppend::EachRecord, "raw append of 64 records + fdatasync"),
    (RawAppend::WholeBatch, "raw append, one write for 64 records"),
    (RawAppend::Preallocated, "raw append, one write for 64 records, preallocated"),
];

pub fn take() -> Vec<Figure> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch directory");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let (house, context) = runtime.block_on(open(directory.path(), &disk));
    let bare = BareLog::create(disk, &directory.path().join("bare.redb"), 64 << 20);
    let mut appenders = runtime.block_on(appenders(&context));
    let (mut raw, mut full, mut with_effect, mut log) = ([0.0; LIMITS.len()], 0.0, 0.0, 0.0);
    for _ in 0..ROUNDS {
        for ((way, _), raw) in LIMITS.iter().zip(&mut raw) {
            *raw += way.per_second(directory.path(), BYTES, IN_FLIGHT, TIME) / ROUNDS as f64;
        }
        full += runtime.block_on(appends_per_second(&context, &mut appenders, None)) / ROUNDS as f64;
        with_effect += runtime.block_on(appends_per_second(&context, &mut appenders, Some(Errand(1)))) / ROUNDS as f64;
        log += bare_per_second(&bare) / ROUNDS as f64;
    }
    runtime.block_on(house.drain(Duration::from_secs(10)));
    let figure = |name: &str, value, limit: usize, goal| Figure {
        name: name.into(),
        unit: "1/s",
        value,
        limit: Some(raw[limit]),
        limit_is: LIMITS[limit].1,
        goal,
    };
    let ours = [
        ("journal, full append of 1.8 KB, 64 in flight", full, Goal::RatioAtLeast(0.2)),
        ("journal, full append with one effect each, 64 in flight", with_effect, Goal::Nothing),
        ("journal, bare log of 1.8 KB in batches of 64", log, Goal::RatioAtLeast(0.35)),
    ];
    let judged = ours.map(|(name, value, goal)| figure(name, value, 0, goal));
    let beside = (1..LIMITS.len()).flat_map(|limit| {
        let raw = figure(LIMITS[limit].1, raw[limit], 0, Goal::Nothing);
        std::iter::once(raw).chain(ours.map(|(name, value, _)| figure(name, value, limit, Goal::Nothing)))
    });
    judged.into_iter().chain(beside).collect()
}

async fn open(data: &std::path::Path, disk: &Arc<dyn Disk>) -> (House, TenantContext) {
    let (random, slug): (Arc<dyn Random>, TenantSlug) =
        (Arc::new(StrongRandom::new()), "bench".parse().expect("a slug"));
    let key_file = data.join("bench.key");
    let key = TenantKey::create(&key_file, &*random).expect("a key");
    TenantStore::init(disk, data, &slug, &key, &random, Moment::from_seconds(1)).expect("a store");
    let tenant = TenantSettings {
        slug,
        name: "Bench".into(),
        hosts: vec!["bench.localhost".into()],
        key: KeySource::File(key_file),
        number_prefix: "B".into(),
        org_units: Vec::new(),
        routing: Vec::new(),
        mappings: Vec::new(),
        data_schemas: Arc::default(),
        destinations: Vec::new(),
    };
    let settings = HouseSettings {
        data_dir: data.to_owned(),
        tenants: vec![tenant],
        crypto_threads: 1,
        cache_bytes: 256 << 20,
        reserve_bytes: 0,
        checkpoint_file: None,
    };
    let (hand_over, handed_over) = mpsc::channel();
    let none = NoChannels::connect();
    let seams = Seams {
        clock: Arc::new(WallClock),
        random,
        disk: disk.clone(),
        pools: Pools::Threads,
        limits: Limits::default(),
        outbound: Outbound::new(OutboundSettings::default(), Arc::new(SystemResolver)).expect("settings"),
        connect: Arc::new(move |context| {
            // Only the first start of the tenant is waited for.
            let _ = hand_over.send(context.clone());
            none(context)
        }),
    };
    let house = House::start(settings, seams).await.expect("starts");
    let context = tokio::task::spawn_blocking(move || handed_over.recv()).await.expect("no panic").expect("connected");
    (house, context)
}

/// One of the appenders: the cases it goes round in, and how far it got.
struct Appender {
    number: u64,
    streams: Vec<(Stream<Deed, Errand>, Version)>,
    appended: u64,
}

async fn appenders(context: &TenantContext) -> Vec<Appender> {
    let mut appenders: Vec<Appender> = (0..IN_FLIGHT as u64)
        .map(|number| Appender {
            number,
            streams: (0..CASES)
                .map(|case| {
                    let id =
                        u128::from(number * CASES + case + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                    let id = StreamId { kind: StreamKind::Case, id };
                    (Stream::new(context.sealer.clone(), id, Schema::first(1), Schema::first(1)), Version(0))
                })
                .collect(),
            appended: 0,
        })
        .collect();
    // Every case is there before the measurement: new ones also pay for their key.
    let text = "x".repeat(BYTES);
    for appender in &mut appenders {
        for _ in 0..CASES {
            appender.append(context, &text, None).await;
        }
    }
    appenders
}

impl Appender {
    async fn append(&mut self, context: &TenantContext, text: &str, errand: Option<&Errand>) {
        let place = usize::try_from(self.appended % CASES).expect("small");
        let key = CommandKey::from_u128(u128::from(self.number) << 64 | u128::from(self.appended));
        let (stream, version) = &mut self.streams[place];
        let at = Moment::from_seconds(2);
        let record = Record { at, by: None, events: vec![Deed(text.to_owned())] };
        // Nobody carries them out: what is measured is that they are written.
        let effects: Vec<_> =
            errand.map(|what| Effect { lane: Sample::LANE, due: at, what: what.clone() }).into_iter().collect();
        let ticket = Ticket { key, command: b"append", reply: &[] };
        let append = stream.seal(*version, Epoch::default(), ticket, &record, &effects, Vec::new()).expect("seals");
        match context.journal.append(append).await {
            Ok(Appended::Durable { version: after, .. }) => *version = after,
            other => panic!("not durable: {other:?}"),
        }
        self.appended += 1;
    }
}

async fn appends_per_second(context: &TenantContext, appenders: &mut Vec<Appender>, errand: Option<Errand>) -> f64 {
    let text: Arc<str> = "x".repeat(BYTES).into();
    let start = Instant::now();
    let working: Vec<_> = appenders
        .drain(..)
        .map(|mut appender| {
            let (context, text, errand) = (context.clone(), text.clone(), errand.clone());
            tokio::spawn(async move {
                let before = appender.appended;
                while start.elapsed() < TIME {
                    appender.append(&context, &text, errand.as_ref()).await;
                }
                (appender.appended - before, appender)
            })
        })
        .collect();
    let mut appended = 0;
    for worker in working {
        let (count, appender) = worker.await.expect("an appender does not panic");
        appended += count;
        appenders.push(appender);
    }
    appended as f64 / start.elapsed().as_secs_f64()
}

fn bare_per_second(bare: &BareLog) -> f64 {
    let records = vec![vec![7; BYTES]; IN_FLIGHT];
    let (start, mut appended) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        bare.commit(&records);
        appended += IN_FLIGHT;
    }
    appended as f64 / start.elapsed().as_secs_f64()
}
