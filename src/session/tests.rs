//! Conversations as users see them: written, killed, torn, undone, forked and shared by many
//! processes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::record::TurnContext;
use super::record::{LeftOut, TurnPosition};
use super::{Error, PendingTurn, SavedConversation, SessionStore};
use crate::protocol::{ContentBlock, InputMessage, Message, Role, Update};

fn store() -> (TempDir, SessionStore) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = SessionStore::in_directory(directory.path().join("new/sessions"));
    (directory, store)
}

fn text(text: &str) -> [InputMessage; 1] {
    [InputMessage {
        role: Role::User,
        content: vec![ContentBlock::text(text)],
    }]
}

fn message(text: &str, stop_reason: &str) -> Message {
    let content = json!([{"type": "text", "text": text}]);
    serde_json::from_value(json!({"content": content, "stop_reason": stop_reason}))
        .expect("a message")
}

fn say(conversation: &mut SavedConversation, question: &str, answer: &str) {
    let mut exchange = conversation.begin_turn(&text(question), TurnContext::default());
    exchange.record_answer(&message(answer, "end_turn"), true);
    conversation.commit_turn(exchange).expect("it is writable");
}

/// Returns the messages in short: the texts of both roles.
fn said(conversation: &SavedConversation) -> Vec<String> {
    let short = |message: Value| {
        message["content"]
            .as_str()
            .map_or_else(|| message["content"].to_string(), str::to_owned)
    };
    let messages = conversation.messages();
    messages
        .into_iter()
        .map(|message| short(serde_json::to_value(message).expect("JSON")))
        .collect()
}

fn delta(exchange: &mut PendingTurn, text: &str) {
    let event = json!({
        "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text},
    });
    exchange.record_update(&Update::Text(text.to_owned()), event.to_string().as_bytes());
    exchange.flush_journal();
}

fn start(exchange: &mut PendingTurn) {
    for event in [
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": []}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ] {
        exchange.record_update(&Update::Nothing, event.to_string().as_bytes());
    }
}

fn journals(store: &SessionStore) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(store.directory().join("journals"))
        .into_iter()
        .flatten();
    entries
        .map(|entry| entry.expect("it is readable").path())
        .collect()
}

#[test]
fn turns_are_read_back_and_the_file_is_private() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    assert!(!conversation.path().exists());
    say(&mut conversation, "a", "b");
    say(&mut conversation, "c", "d");
    let read = store.open_existing(conversation.id()).expect("it is there");
    assert_eq!(said(&read), ["a", "b", "c", "d"]);
    assert_eq!(said(&read), said(&conversation));
    assert_eq!(
        store.open_latest().expect("there is one").id(),
        conversation.id()
    );
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(
        (mode(store.directory()), mode(conversation.path())),
        (0o700, 0o600)
    );
    assert!(journals(&store).is_empty());
}

#[test]
fn a_name_creates_one_conversation_and_a_prefix_of_an_id_finds_it() {
    let (_directory, store) = store();
    let found = store.open_or_create("work").expect("it is writable");
    assert!(found.is_new);
    let id = found.conversation.id().to_owned();
    for given in ["work", &id, &id[..4]] {
        let found = store.open_or_create(given).expect("it is there");
        assert_eq!(
            (
                found.conversation.id(),
                found.is_new,
                found.conversation.name()
            ),
            (&*id, false, Some("work"))
        );
    }
    assert!(matches!(
        store.open_existing("other"),
        Err(Error::Unknown(_))
    ));
    assert!(matches!(
        store.open_existing(&id[..0]),
        Err(Error::Unknown(_))
    ));
    for _ in 0..20 {
        say(&mut store.new_conversation(), "a", "b");
    }
    let digits = (2..=9).map(|digit| digit.to_string());
    assert!(
        digits
            .clone()
            .any(|digit| matches!(store.open_existing(&digit), Err(Error::Ambiguous { .. })))
    );
}

#[test]
fn a_title_finds_its_conversation_unless_several_have_it() {
    let (_directory, store) = store();
    let long = format!("Why {}", "so ".repeat(30));
    let mut ids = Vec::new();
    for prompt in ["What is this?", &long, "Hello", "Hello"] {
        let mut conversation = store.new_conversation();
        say(&mut conversation, prompt, "b");
        ids.push(conversation.id().to_owned());
    }
    let work = store.open_or_create("work").expect("it is writable");
    let work = work.conversation.id().to_owned();
    let existing = |given: &str| {
        store
            .open_existing(given)
            .map(|found| found.id().to_owned())
    };
    for (given, id) in [
        ("What is this?", &ids[0]),
        ("What is", &ids[0]),
        ("What…", &ids[0]),
        (&*long, &ids[1]),
        ("Why so", &ids[1]),
        ("wor", &work),
    ] {
        assert_eq!(existing(given).ok().as_ref(), Some(id), "{given}");
    }
    for given in ["Hello", "Hel"] {
        assert!(
            matches!(existing(given), Err(Error::Ambiguous { ids, .. }) if ids.len() == 2),
            "{given}"
        );
    }
    assert!(matches!(existing("…"), Err(Error::Unknown(_))));
    // A beginning could as well be a new name.
    for (given, is_new) in [("What is this?", false), ("What is", true), ("wor", true)] {
        let found = store.open_or_create(given).expect("it is writable");
        assert_eq!(found.is_new, is_new, "{given}");
    }
}

#[test]
fn a_name_can_be_changed_and_is_free_again() {
    let (_directory, store) = store();
    let mut one = store
        .open_or_create("one")
        .expect("it is writable")
        .conversation;
    let mut two = store
        .open_or_create("two")
        .expect("it is writable")
        .conversation;
    assert!(matches!(
        store.rename_conversation(&mut one, "two"),
        Err(Error::Taken(_))
    ));
    store
        .rename_conversation(&mut two, "three")
        .expect("it is free");
    store
        .rename_conversation(&mut one, "two")
        .expect("it is free by now");
    assert_eq!(
        store.open_existing("two").expect("it is there").id(),
        one.id()
    );
    assert_eq!(
        store.open_existing("three").expect("it is there").name(),
        Some("three")
    );
    store.remove_conversation(one.id()).expect("it is there");
    assert!(matches!(store.open_existing("two"), Err(Error::Unknown(_))));
    assert!(store.open_or_create("two").expect("it is writable").is_new);
}

#[test]
fn parallel_exchanges_follow_one_another() {
    let (_directory, store) = store();
    std::thread::scope(|scope| {
        for number in 0..20 {
            let store = &store;
            scope.spawn(move || {
                let mut conversation = store
                    .open_or_create("x")
                    .expect("it is writable")
                    .conversation;
                say(
                    &mut conversation,
                    &format!("q{number}"),
                    &format!("a{number}"),
                );
            });
        }
    });
    let said = said(&store.open_existing("x").expect("it is there"));
    assert_eq!(said.len(), 40);
    for pair in said.chunks(2) {
        assert_eq!(pair[0].replace('q', "a"), pair[1]);
    }
    assert_eq!(store.conversation_ids().expect("it is readable").len(), 1);
}

#[test]
fn a_killed_exchange_is_recovered_as_far_as_it_was_received() {
    let (_directory, store) = store();
    let mut conversation = store
        .open_or_create("x")
        .expect("it is writable")
        .conversation;
    say(&mut conversation, "a", "b");
    let mut exchange = conversation.begin_turn(&text("question"), TurnContext::default());
    start(&mut exchange);
    let pieces = ["One", " two\n", " \"three\"", " ä🙂"];
    let mut shown_at = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        delta(&mut exchange, piece);
        let length = fs::metadata(&journals(&store)[0])
            .expect("it is there")
            .len();
        shown_at.push((length, pieces[..=place].concat()));
    }
    assert!(store.recover_journals().is_empty(), "its process lives");
    let path = journals(&store).remove(0);
    let bytes = fs::read(&path).expect("it is readable");
    let file = fs::read(conversation.path()).expect("it is readable");
    drop(exchange);
    for length in 0..=bytes.len() {
        fs::write(&path, &bytes[..length]).expect("it is writable");
        fs::write(conversation.path(), &file).expect("it is writable");
        store.recover_journals();
        let said = said(&store.open_existing("x").expect("it is there"));
        let shown = shown_at
            .iter()
            .rev()
            .find(|(at, _)| *at <= length as u64)
            .map_or("", |(_, text)| text);
        let kept = said.get(3).map_or("", String::as_str);
        assert!(
            kept.starts_with(shown) && pieces.concat().starts_with(kept),
            "{length}: {shown:?} {kept:?}"
        );
    }
    let last = store.open_existing("x").expect("it is there");
    let tip = last.tip().expect("a turn");
    assert!(tip.partial && tip.model.as_deref() == Some("m"));
    assert!(journals(&store).is_empty());
}

#[test]
fn a_journal_is_recovered_once_even_if_it_could_not_be_removed() {
    let (_directory, store) = store();
    let conversation = store.new_conversation();
    let mut exchange = conversation.begin_turn(&text("a"), TurnContext::default());
    exchange.record_update(&Update::Text("b".to_owned()), b"");
    exchange.flush_journal();
    drop(exchange);
    let path = journals(&store).remove(0);
    let bytes = fs::read(&path).expect("it is readable");
    for _ in 0..2 {
        fs::write(&path, &bytes).expect("it is writable");
        assert_eq!(store.recover_journals().len(), 1);
        assert_eq!(
            said(&store.open_existing(conversation.id()).expect("it is there")),
            ["a", "b"]
        );
    }
}

#[test]
fn the_conversation_of_a_killed_process_is_the_latest_unless_another_was_used_since() {
    for is_later in [true, false] {
        let (_directory, store) = store();
        let mut other = store.new_conversation();
        say(&mut other, "x", "y");
        let killed = store.new_conversation();
        let mut exchange = killed.begin_turn(&text("a"), TurnContext::default());
        exchange.record_update(&Update::Text("b".to_owned()), b"");
        exchange.flush_journal();
        drop(exchange);
        let hour = std::time::Duration::from_secs(3600);
        let now = std::time::SystemTime::now();
        let journal = OpenOptions::new()
            .append(true)
            .open(journals(&store).remove(0))
            .expect("it is there");
        journal
            .set_modified(if is_later { now + hour } else { now - hour })
            .expect("it is ours");
        drop(journal);
        assert_eq!(store.recover_journals().len(), 1);
        let expected = if is_later { &killed } else { &other };
        assert_eq!(
            store.open_latest().expect("there is one").id(),
            expected.id(),
            "{is_later}"
        );
    }
}

#[test]
fn a_journal_whose_id_leads_elsewhere_is_left_alone() {
    for id in ["../../evil", "/evil", "..", ""] {
        let (directory, store) = store();
        let killed = store.new_conversation();
        drop(killed.begin_turn(&text("a"), TurnContext::default()));
        let journal = journals(&store).remove(0);
        let written = fs::read_to_string(&journal).expect("it is there");
        let forged = written.replacen(
            &format!("\"id\":\"{}\"", killed.id()),
            &format!("\"id\":\"{id}\""),
            1,
        );
        assert_ne!(written, forged);
        fs::write(&journal, &forged).expect("it is ours");
        let notices = store.recover_journals();
        assert!(
            notices.len() == 1 && notices[0].starts_with("cannot recover `"),
            "{id}: {notices:?}"
        );
        assert_eq!(fs::read_to_string(&journal).expect("it is kept"), forged);
        let beside = fs::read_dir(directory.path()).expect("it is readable");
        assert_eq!(beside.count(), 1, "{id}");
    }
}

#[test]
fn unanswered_and_refused_turns_are_on_disk_and_not_sent() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    say(&mut conversation, "a", "b");
    let mut refused = conversation.begin_turn(&text("bad"), TurnContext::default());
    refused.record_answer(&message("no", "refusal"), true);
    conversation.commit_turn(refused).expect("it is writable");
    let lost = conversation.begin_turn(&text("lost"), TurnContext::default());
    conversation.commit_turn(lost).expect("it is writable");
    say(&mut conversation, "c", "d");
    let read = store.open_existing(conversation.id()).expect("it is there");
    assert_eq!(said(&read), ["a", "b", "c", "d"]);
    let left_out: Vec<_> = read
        .branch_with_left_out()
        .iter()
        .map(|turn| turn.left_out)
        .collect();
    let (refused, unanswered) = (Some(LeftOut::Refused), Some(LeftOut::Unanswered));
    assert_eq!(
        left_out,
        [None, None, refused, refused, unanswered, None, None]
    );
}

#[test]
fn a_torn_last_line_is_left_out_and_the_next_turn_follows_the_one_before_it() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    say(&mut conversation, "a", "b");
    let torn = br#"{"type":"turn","id":"x","role":"us"#;
    let mut file = OpenOptions::new()
        .append(true)
        .open(conversation.path())
        .expect("it is there");
    file.write_all(torn).expect("it is writable");
    let mut read = store.open_existing(conversation.id()).expect("it is there");
    assert!(read.take_notices()[0].contains("is incomplete"));
    assert_eq!(said(&read), ["a", "b"]);
    say(&mut conversation, "c", "d");
    let mut read = store.open_existing(conversation.id()).expect("it is there");
    assert_eq!(
        (said(&read), read.take_notices()),
        (said(&conversation), vec![])
    );
    let lines = fs::read_to_string(read.path()).expect("it is readable");
    assert!(
        lines
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{lines}"
    );
}

#[test]
fn a_damaged_line_affects_no_other_and_a_line_without_a_line_feed_is_complete() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    say(&mut conversation, "a", "b");
    say(&mut conversation, "c", "d");
    let lines = fs::read_to_string(conversation.path()).expect("it is readable");
    let damaged: Vec<_> = lines
        .lines()
        .map(|line| {
            if line.contains("\"c\"") {
                "{oops"
            } else {
                line
            }
        })
        .collect();
    fs::write(conversation.path(), damaged.join("\n")).expect("it is writable");
    let mut read = store.open_existing(conversation.id()).expect("it is there");
    assert_eq!(said(&read)[0], "a");
    assert!(read.take_notices()[0].contains("1 damaged"));
    say(&mut read, "e", "f");
    assert_eq!(
        said(&store.open_existing(read.id()).expect("it is there")),
        said(&read)
    );
}

#[test]
fn the_tip_can_move_to_another_turn_and_a_fork_is_independent() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    say(&mut conversation, "a", "b");
    say(&mut conversation, "c", "d");
    let before = conversation.current_branch()[2].position_before();
    let mut fork = store
        .fork_conversation(&conversation)
        .expect("it is writable");
    conversation.move_to(&before).expect("it is writable");
    say(&mut conversation, "e", "f");
    say(&mut fork, "g", "h");
    assert_eq!(
        said(&store.open_existing(conversation.id()).expect("it is there")),
        ["a", "b", "e", "f"]
    );
    assert_eq!(
        said(&store.open_existing(fork.id()).expect("it is there")),
        ["a", "b", "c", "d", "g", "h"]
    );
    conversation
        .move_to(&TurnPosition(None))
        .expect("it is writable");
    assert!(said(&store.open_existing(conversation.id()).expect("it is there")).is_empty());
}

#[test]
fn a_replacement_of_a_turn_takes_effect_once_it_is_answered() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    say(&mut conversation, "a", "b");
    let again = conversation.current_branch()[0].position_before();
    say(&mut conversation, "c", "d");
    let before = conversation.current_branch()[2].position_before();
    assert_eq!(
        [&again, &before].map(|place| {
            let messages = conversation.messages_within(Some(place), usize::MAX);
            messages.expect("there is no limit").messages.len()
        }),
        [0, 2]
    );

    let unanswered = conversation.begin_replacement(&before, &text("e"), TurnContext::default());
    conversation
        .commit_turn(unanswered)
        .expect("it is writable");
    let mut refused = conversation.begin_replacement(&before, &text("e"), TurnContext::default());
    refused.record_answer(&message("no", "refusal"), true);
    conversation.commit_turn(refused).expect("it is writable");
    assert_eq!(
        said(&store.open_existing(conversation.id()).expect("it is there")),
        ["a", "b", "c", "d"]
    );

    for (place, expected) in [(&before, &["a", "b", "e", "f"][..]), (&again, &["e", "f"])] {
        let mut answered =
            conversation.begin_replacement(place, &text("e"), TurnContext::default());
        answered.record_answer(&message("f", "end_turn"), true);
        conversation.commit_turn(answered).expect("it is writable");
        assert_eq!(said(&conversation), expected);
        assert_eq!(
            said(&store.open_existing(conversation.id()).expect("it is there")),
            expected
        );
    }
}

#[test]
fn a_killed_replacement_of_a_turn_is_recovered_as_far_as_it_was_received() {
    for (piece, expected) in [
        (None, &["a", "b", "c", "d"][..]),
        (Some("f"), &["a", "b", "e", "f"]),
    ] {
        let (_directory, store) = store();
        let mut conversation = store.new_conversation();
        say(&mut conversation, "a", "b");
        say(&mut conversation, "c", "d");
        let before = conversation.current_branch()[2].position_before();
        let mut exchange =
            conversation.begin_replacement(&before, &text("e"), TurnContext::default());
        start(&mut exchange);
        if let Some(piece) = piece {
            delta(&mut exchange, piece);
        }
        drop(exchange);
        let path = journals(&store).remove(0);
        let bytes = fs::read(&path).expect("it is readable");
        // The second time, it is already there, and something follows it.
        for is_there in [false, true] {
            fs::write(&path, &bytes).expect("it is writable");
            assert_eq!(store.recover_journals().len(), 1);
            let mut read = store.open_existing(conversation.id()).expect("it is there");
            let more = if is_there { &["g", "h"][..] } else { &[] };
            assert_eq!(said(&read), [expected, more].concat(), "{is_there}");
            say(&mut read, "g", "h");
        }
    }
}

#[test]
fn foreign_files_and_later_formats_are_refused() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    say(&mut conversation, "a", "b");
    fs::write(conversation.path(), "hello\n").expect("it is writable");
    assert!(matches!(
        store.open_existing(conversation.id()),
        Err(Error::Foreign { .. })
    ));
    fs::write(
        conversation.path(),
        "{\"type\":\"langdock-session\",\"version\":2,\"at\":\"\"}\n",
    )
    .expect("it is writable");
    assert!(matches!(
        store.open_existing(conversation.id()),
        Err(Error::Newer { version: 2, .. })
    ));
}

#[test]
fn a_failure_to_save_is_reported_once_and_the_answer_continues() {
    let (directory, store) = store();
    fs::write(directory.path().join("new"), "").expect("it is writable");
    let mut conversation = store.new_conversation();
    let mut exchange = conversation.begin_turn(&text("a"), TurnContext::default());
    assert!(matches!(
        exchange.take_failure(),
        Some(Error::Unwritable { .. })
    ));
    delta(&mut exchange, "b");
    exchange.record_answer(&message("b", "end_turn"), true);
    assert!(exchange.take_failure().is_none());
    assert!(conversation.commit_turn(exchange).is_err());
}

#[test]
fn tool_results_and_the_system_prompt_are_saved() {
    let (_directory, store) = store();
    let mut conversation = store.new_conversation();
    let mut exchange = conversation.begin_turn(
        &text("a"),
        TurnContext {
            system: Some("Be brief."),
            ..TurnContext::default()
        },
    );
    let call = json!({
        "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}],
        "stop_reason": "tool_use",
    });
    exchange.record_answer(&serde_json::from_value(call).expect("a message"), true);
    let result = json!([{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]);
    exchange
        .record_user_turn(&serde_json::from_value::<Vec<ContentBlock>>(result).expect("blocks"));
    exchange.record_answer(&message("b", "end_turn"), true);
    conversation.commit_turn(exchange).expect("it is writable");
    let read = store.open_existing(conversation.id()).expect("it is there");
    assert_eq!(read.messages().len(), 4);
    assert_eq!(said(&read)[3], "b");
    say(&mut conversation, "c", "d");
    assert_eq!(
        store
            .open_existing(conversation.id())
            .expect("it is there")
            .system_prompt(),
        Some("Be brief.")
    );
}

#[test]
fn a_fork_whose_name_is_taken_leaves_no_files() {
    let (_directory, store) = store();
    let mut one = store
        .open_or_create("one")
        .expect("it is writable")
        .conversation;
    say(&mut one, "a", "b");
    for name in ["one", " bad "] {
        store.fork_as(&one, name).expect_err("it is no free name");
    }
    assert_eq!(
        store.conversation_ids().expect("it is readable"),
        [one.id()]
    );
    let fork = store.fork_as(&one, "two").expect("it is free");
    assert_eq!(
        store.open_existing("two").expect("it is there").id(),
        fork.id()
    );
    store.remove_conversation(one.id()).expect("it is there");
    store
        .fork_conversation(&one)
        .expect_err("nothing is there to copy any more");
    assert_eq!(
        store.conversation_ids().expect("it is readable"),
        [fork.id()]
    );
}

#[test]
fn a_removed_conversation_starts_over_under_its_name_if_that_is_free() {
    let (_directory, store) = store();
    let mut one = store
        .open_or_create("x")
        .expect("it is writable")
        .conversation;
    for (asked, answered) in [("a", "b"), ("c", "d")] {
        say(&mut one, asked, answered);
        assert_eq!(
            store
                .open_existing("x")
                .expect("it is found by its name")
                .id(),
            one.id()
        );
        store.remove_conversation(one.id()).expect("it is there");
    }
    let [notice] = &*one.take_notices() else {
        panic!("it is told once")
    };
    assert!(
        notice.contains("`x` was deleted in the meantime"),
        "{notice}"
    );
    let killed = one.begin_turn(&text("e"), TurnContext::default());
    drop(killed);
    store.recover_journals();
    assert_eq!(
        said(&store.open_existing("x").expect("it is found by its name")),
        Vec::<String>::new()
    );
    store.remove_conversation(one.id()).expect("it is there");

    let other = store
        .open_or_create("x")
        .expect("it is writable")
        .conversation;
    say(&mut one, "g", "h");
    assert_eq!(
        store.open_existing("x").expect("it is there").id(),
        other.id()
    );
    let read = store.open_existing(one.id()).expect("it is there");
    assert_eq!(
        (read.name(), one.name(), said(&read)),
        (None, None, vec!["g".to_owned(), "h".to_owned()])
    );
    assert!(
        one.take_notices()
            .iter()
            .any(|notice| notice.contains("has been taken"))
    );
}

#[test]
fn a_conversation_removed_by_hand_keeps_its_name() {
    let (_directory, store) = store();
    let mut one = store
        .open_or_create("x")
        .expect("it is writable")
        .conversation;
    say(&mut one, "a", "b");
    fs::remove_file(one.path()).expect("it is there");
    say(&mut one, "c", "d");
    assert_eq!(
        (
            one.name(),
            store.open_existing("x").expect("it is there").id()
        ),
        (Some("x"), one.id())
    );
}
