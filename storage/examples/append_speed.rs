//! How fast the journal appends, beside a raw append and fdatasync of the same bytes in the same minute.
//!
//! `cargo run --profile quick --features testing --example append_speed -- <directory>`. The figures that count are made
//! by `make bench`; this shows the commit alone, without actors.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures, and prints what it measured")]

use std::{fs::File, io::Write as _, sync::Arc, time::Instant};

use ozg_storage::{
    disk::RealDisk,
    testing::{BareLog, Sample},
};

const PAYLOAD: usize = 1_800;
const BATCH: u64 = 64;
const BATCHES: u64 = 300;
const ROUNDS: u64 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let directory = tempfile::tempdir_in(arguments.get(1).map_or(".", String::as_str)).expect("a directory");
    let mut raw = File::create(directory.path().join("raw")).expect("a file");
    let bare = BareLog::create(Arc::new(RealDisk), &directory.path().join("bare.redb"), 64 << 20);
    let sample = Sample::founded(directory.path());
    let store = sample.open().expect("opens");
    let text = "x".repeat(PAYLOAD);
    let mut totals = [0.0_f64; 4];
    let mut streams: Vec<_> =
        (0..BATCH).map(|n| Sample::stream(&store, 0x1234_5678_9abc * u128::from(n + 1))).collect();
    let mut version = 0;
    let (mut fresh, mut key) = (0_u128, 0_u128);
    for round in 0..ROUNDS {
        let block = vec![7_u8; PAYLOAD * usize::try_from(BATCH).expect("small")];
        totals[0] += timed(|| {
            raw.write_all(&block).expect("writes");
            raw.sync_data().expect("syncs");
        });
        let records = vec![vec![7_u8; PAYLOAD]; usize::try_from(BATCH).expect("small")];
        totals[1] += timed(|| bare.commit(&records));
        // The same 64 streams, one after the other: what a busy hour on few cases looks like.
        let mut batches = Vec::new();
        for _ in 0..BATCHES {
            let batch = streams.iter_mut().map(|stream| {
                key += 1;
                Sample::append(stream, version, key, &text, None, Vec::new())
            });
            batches.push(batch.collect::<Vec<_>>());
            version += 1;
        }
        let mut batches = batches.into_iter();
        totals[2] += timed(|| {
            let answers = store.core.commit(batches.next().expect("enough"));
            assert!(answers.iter().all(Result::is_ok));
        });
        // A new stream with its key for every record: intake.
        let mut batches = Vec::new();
        for _ in 0..BATCHES {
            let batch = (0..BATCH).map(|_| {
                fresh += 1;
                let id = fresh.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                Sample::append(&mut Sample::stream(&store, id), 0, fresh, &text, Some(1), Vec::new())
            });
            batches.push(batch.collect::<Vec<_>>());
        }
        let mut batches = batches.into_iter();
        totals[3] += timed(|| {
            let answers = store.core.commit(batches.next().expect("enough"));
            assert!(answers.iter().all(Result::is_ok));
        });
        println!("round {round} done");
    }
    let records = (BATCH * BATCHES * ROUNDS) as f64;
    for (name, total) in
        ["raw append + fdatasync", "bare log", "64 streams", "new streams, keys and effects"].iter().zip(totals)
    {
        println!("{name:32} {:9.0} records/s   ratio {:.2}", records / total, totals[0] / total);
    }
}

fn timed(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..BATCHES {
        work();
    }
    start.elapsed().as_secs_f64()
}
