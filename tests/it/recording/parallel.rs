//! Many processes with one record.

use std::fs;

use super::{RECORD, exchanges};
use crate::support::{events::answer, home::Home, reply::Reply, sending::send, server::Server};

/// So many processes at the same time.
const PROCESSES: usize = 20;

#[test]
fn twenty_processes_append_whole_lines_to_one_record() {
    // Longer than what a pipe or a page takes in one piece.
    let long = "x".repeat(50_000);
    let stream = answer(&[long.as_str()]);
    let (server, home) = (Server::start(move |_, _| Reply::sse(&stream)), Home::new());
    let running: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let prompt = format!("Number {number}");
            send(&server)
                .home(&home)
                .args([prompt.as_str(), "--no-pace", "--record", RECORD])
                .spawn()
        })
        .collect();
    for run in running {
        run.finish().code(0).stderr_empty();
    }
    let path = home.work().join(RECORD);
    let mut prompts: Vec<String> = exchanges(&path)
        .iter()
        .map(|exchange| {
            let content = &exchange["request"]["body"]["messages"][0]["content"];
            content.as_str().unwrap().to_owned()
        })
        .collect();
    prompts.sort_by_key(String::len);
    assert_eq!(prompts.len(), PROCESSES);
    for number in 0..PROCESSES {
        assert!(prompts.contains(&format!("Number {number}")));
    }
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.matches("langdock-record").count(), 1);
}
