//! Signals at arbitrary moments: before the request, during it, and in each part of the answer.

use std::{hint, time::Instant};

use nix::sys::signal::Signal;

use super::{
    commands::{Form, Row, TEXT, begun, conversation, file, for_every_command, good_body},
    ending::{answered, check_clean},
};
use crate::support::{home::Home, server::Server};

/// How many moments are tried for each command.
const TRIES: u64 = 12;

/// The seed of the moments; a failure names the moment.
const SEED: u64 = 8;

/// The latest moment, in microseconds after the start: most commands have sent their request by
/// then.
const LATEST: u64 = 40_000;

/// Returns a pseudo-random number that depends only on the seed (splitmix64).
fn chance(seed: u64) -> u64 {
    let mut number = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Returns the moments for a command, spread over several orders of magnitude.
fn moments(row: &Row) -> impl Iterator<Item = u64> {
    let own: u64 = row.args.concat().bytes().map(u64::from).sum();
    (0..TRIES).map(move |nth| {
        let chance = chance(SEED + own * TRIES + nth);
        (LATEST >> (chance % 8)).min(chance >> 8) * (chance >> 40 & 0xff) / 0xff
    })
}

/// Waits for this long.
fn pass(microseconds: u64) {
    let start = Instant::now();
    while start.elapsed().as_micros() < u128::from(microseconds) {
        hint::spin_loop();
    }
}

/// Returns a server whose answer never ends, so that only the signal ends the run.
fn endless() -> Server {
    Server::start(move |request, _| {
        let body = good_body(request);
        begun(request)
            .chunked()
            .in_pieces_of(16)
            .body(&body.as_bytes()[..body.len() * 3 / 4])
            .wait_for_hang_up()
    })
}

#[test]
fn a_signal_at_any_moment_ends_every_command_by_that_signal() {
    for_every_command(|row| {
        for (n, moment) in moments(row).enumerate() {
            let (signal, number) = [
                (Signal::SIGINT, 2),
                (Signal::SIGTERM, 15),
                (Signal::SIGHUP, 1),
            ][n % 3];
            let fault = format!("{signal} after {moment} us");
            let (server, home) = (endless(), Home::new());
            // A batch waits for the requests in progress, but not forever.
            let running = row
                .against(&server, &home)
                .args(["--timeout", "2s"])
                .spawn();
            pass(moment);
            running.signal(signal);
            let outcome = running.finish();
            assert!(outcome.signal == Some(number), "{fault}\n{outcome}");
            check_clean(&fault, &outcome);
            if row.form == Form::Text {
                assert!(
                    format!("{TEXT}\n").starts_with(&outcome.stdout_text()),
                    "{fault}\n{outcome}"
                );
            }
            assert!(
                row.form == Form::RecordFile || file(&home).is_none(),
                "{fault}\n{outcome}"
            );
            if row.saves {
                let shown = outcome.stdout_text();
                let saved = conversation(&home)
                    .pop()
                    .map(|(_, text)| text)
                    .unwrap_or_default();
                let is_kept = row.form != Form::Text || saved.starts_with(shown.trim_end());
                assert!(
                    is_kept && TEXT.starts_with(&saved),
                    "kept `{saved}`: {fault}\n{outcome}"
                );
            }
        }
    });
}

#[test]
fn a_command_that_is_stopped_at_any_moment_goes_on_as_if_it_had_not_been() {
    for_every_command(|row| {
        for moment in moments(row).take(4) {
            let server = Server::start(|request, _| {
                begun(request)
                    .chunked()
                    .in_pieces_of(16)
                    .body(good_body(request))
            });
            let home = Home::new();
            let running = row.against(&server, &home).spawn();
            pass(moment);
            // It may already have ended.
            if running.try_signal(Signal::SIGSTOP) {
                pass(moment / 4);
                running.try_signal(Signal::SIGCONT);
            }
            answered(
                &format!("a stop after {moment} us"),
                row,
                &home,
                &running.finish(),
            );
        }
    });
}
