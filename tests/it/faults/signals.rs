//! Signals at moments that nobody chose: before the request, in it, in each part of the answer.

use std::{hint, thread, time::Instant};

use nix::sys::signal::Signal;

use super::{
    commands::{COMMANDS, Form, TEXT, good_body},
    ending::check_clean,
};
use crate::support::{home::Home, reply::Reply, server::Server};

/// The moments, in microseconds after the start: from before `main` to after the end.
const MOMENTS: [u128; 12] = [0, 500, 1_000, 2_000, 4_000, 6_000, 8_000, 12_000, 16_000, 24_000, 32_000, 64_000];

#[test]
fn a_signal_at_any_moment_ends_every_command_by_that_signal() {
    thread::scope(|scope| {
        for row in &COMMANDS {
            scope.spawn(move || {
                for (n, moment) in MOMENTS.into_iter().enumerate() {
                    let (signal, number) = [(Signal::SIGINT, 2), (Signal::SIGTERM, 15)][n % 2];
                    // The answer is never whole, so that there is no other end.
                    let server = Server::start(move |request, _| {
                        let body = good_body(request);
                        let reply = Reply::sse_start().in_pieces_of(16);
                        reply.body(&body.as_bytes()[..body.len() * 3 / 4]).wait_for_hang_up()
                    });
                    let home = Home::new();
                    let running = row.against(&server, &home).spawn();
                    let start = Instant::now();
                    while start.elapsed().as_micros() < moment {
                        hint::spin_loop();
                    }
                    running.signal(signal);
                    let outcome = running.finish();
                    outcome.signal(number);
                    check_clean(&format!("{signal} after {moment} us"), &outcome);
                    if row.form == Form::Text {
                        assert!(format!("{TEXT}\n").starts_with(&outcome.stdout_text()), "{outcome}");
                    }
                    assert!(!home.work().join("answer").exists(), "{outcome}");
                }
            });
        }
    });
}
