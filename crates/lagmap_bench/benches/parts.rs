//! `cargo bench -p lagmap_bench`
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lagmap_bench::{File, system};
use lagmap_cache::{Key, Record};
use lagmap_models::Catalogue;
use lagmap_program::{Linked, Program, ProgramOptions, SourceUnit};
use lagmap_system::System;
use rayon::ThreadPool;

/// Services: 150 of them are some 60,000 lines.
const SERVICES: usize = 150;

fn units(files: &[File]) -> Vec<SourceUnit> {
    let unit = |(path, text): &File| {
        let record = Record::of(text).expect("generated code is not deep");
        SourceUnit { path: path.clone(), facts: record.facts, lines: record.lines, broken: None }
    };
    files.iter().map(unit).collect()
}

fn program(units: Vec<SourceUnit>, catalogue: Catalogue) -> Program {
    Program::build(units, catalogue, System::default(), ProgramOptions { all_code: true, ..ProgramOptions::default() })
}

fn parts(criterion: &mut Criterion) {
    let files = system(SERVICES);
    let lines: usize = files.iter().map(|(_, text)| text.lines().count()).sum();
    // One thread: what is measured is the work, not the machine.
    let pool: ThreadPool = lagmap_source::pool(Some(1)).expect("a thread can be started");
    let catalogue = Catalogue::load(&[]).expect("the catalogue is whole");
    let mut group = criterion.benchmark_group("parts");
    group.throughput(Throughput::Elements(lines as u64)).sample_size(10);
    group.bench_function("parse", |bencher| {
        bencher
            .iter(|| pool.install(|| files.iter().for_each(|(_, text)| drop(black_box(lagmap_source::parse(text))))));
    });
    group.bench_function("parse and lower", |bencher| {
        bencher.iter(|| pool.install(|| files.iter().for_each(|(_, text)| drop(black_box(Record::of(text))))));
    });
    let records: Vec<Record> = pool.install(|| files.iter().filter_map(|(_, text)| Record::of(text).ok()).collect());
    let bytes: Vec<Vec<u8>> = records.iter().filter_map(Record::encode).collect();
    group.bench_function("hash", |bencher| {
        bencher.iter(|| {
            for (_, text) in &files {
                black_box(Key::of(text.as_bytes()));
            }
        });
    });
    group.bench_function("write to the cache", |bencher| {
        bencher.iter(|| records.iter().for_each(|record| drop(black_box(record.encode()))));
    });
    group.bench_function("read from the cache", |bencher| {
        bencher.iter(|| bytes.iter().for_each(|bytes| drop(black_box(Record::decode(bytes)))));
    });
    let fresh = || (units(&files), catalogue.clone());
    group.bench_function("link", |bencher| {
        let work = |(units, catalogue)| pool.install(|| Linked::new(units, catalogue, &[]));
        bencher.iter_batched(fresh, work, BatchSize::PerIteration);
    });
    group.bench_function("link and solve", |bencher| {
        bencher.iter_batched(
            fresh,
            |(units, catalogue)| pool.install(|| program(units, catalogue)),
            BatchSize::PerIteration,
        );
    });
    let solved = program(units(&files), catalogue.clone());
    group.bench_function("rules", |bencher| {
        bencher.iter(|| pool.install(|| black_box(lagmap_rules::check(&solved, |_| true))));
    });
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);
