//! Random courses of conversations against the rules of the scripted endpoint: whatever was asked,
//! called, undone, copied, cut off or refused before, the next request is accepted.
//!
//! A course does what `send`, `tool-run` and `chat` do with a conversation on disk, without their
//! terminals: each request is built and fitted as theirs are, and judged as the endpoint would. The
//! answers have thinking that is bound to the request, and calls of every odd kind.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::compose::build::{RequestParts, build, encode_body};
use crate::compose::history_fit::{HistoryStage, fit_history};
use crate::compose::model_fit::{Insistence, ModelFit};
use crate::compose::request_spec::{OptionOrigin, RequestSpec};
use crate::compose::thinking_binding::bind_thinking;
use crate::demo::{JudgedRequest, judge_request};
use crate::protocol::{
    ContentBlock, CreateMessage, InputMessage, Media, Message, ModelRules, Role, ToolDefinition,
    ToolResult, UnknownFields,
};
use crate::session::{SavedConversation, SessionStore, TurnContext, TurnPosition};
use crate::turn::{TurnRules, TurnStep, UserTurn};

/// How many courses are played, unless the variable of [`COURSES`] says so.
const FEW_COURSES: u64 = 200;

/// The variable by which `tests/courses/run` asks for more of them.
const COURSES: &str = "LANGDOCK_TEST_COURSES";

/// The most steps of a course.
const MAX_STEPS: usize = 14;

/// One model of each kind of rules for thinking, and one without a row in the table.
const MODELS: [&str; 8] = [
    "claude-fable-5-2-default",
    "claude-opus-5-5-default",
    "claude-haiku-5-5-default",
    "claude-sonnet-5-default",
    "claude-opus-4-7-default",
    "claude-sonnet-4-5-20250929",
    "claude-3-haiku-20240307",
    "claude-mythos-5",
];

#[test]
fn no_request_of_any_course_is_refused() {
    let courses = std::env::var(COURSES).map_or(FEW_COURSES, |text| {
        text.parse().expect("the variable has a number")
    });
    play(0..courses);
}

/// Plays the courses of these seeds, and fails with what the first one that goes wrong has done.
fn play(seeds: std::ops::Range<u64>) {
    let directory = std::env::temp_dir().join(format!(
        "langdock-courses-{}-{}",
        std::process::id(),
        seeds.end
    ));
    let (mut requests, mut refusals) = (0, 0);
    for seed in seeds {
        let mut course = Course::new(seed, directory.join(seed.to_string()));
        let played = course.play();
        let _ = std::fs::remove_dir_all(directory.join(seed.to_string()));
        if let Err(why) = played {
            let _ = std::fs::remove_dir_all(&directory);
            panic!("course {seed}: {why}\n{}", course.steps.join("\n"));
        }
        requests += course.requests;
        refusals += course.refusals;
    }
    let _ = std::fs::remove_dir_all(&directory);
    assert!(requests > refusals && refusals > 0, "{requests} {refusals}");
}

/// A conversation, and what its next request is sent with.
struct Course {
    rng: Rng,
    store: SessionStore,
    conversation: SavedConversation,
    model: &'static str,
    system: Option<String>,
    tools: Vec<ToolDefinition>,
    thinking: Option<Value>,
    /// What was done so far.
    steps: Vec<String>,
    requests: usize,
    /// Requests that were refused although no rule was broken.
    refusals: usize,
}

/// How a request ends.
enum Ending {
    /// With an answer.
    Answered(Box<Message>),
    /// Before anything came: the connection was lost, or the process was killed.
    Lost,
    /// In the middle of an answer.
    Cut(Box<Message>),
    /// The API refuses it for a reason that nobody can know.
    Refused,
}

impl Course {
    fn new(seed: u64, directory: PathBuf) -> Self {
        let store = SessionStore::in_directory(directory);
        let conversation = store.new_conversation();
        Self {
            rng: Rng::with_seed(seed),
            store,
            conversation,
            model: MODELS[0],
            system: None,
            tools: Vec::new(),
            thinking: None,
            steps: Vec::new(),
            requests: 0,
            refusals: 0,
        }
    }

    fn play(&mut self) -> Result<(), String> {
        self.change_model();
        self.change_tools();
        for _ in 0..self.rng.usize(2..=MAX_STEPS) {
            match self.rng.u8(..16) {
                0 => self.change_model(),
                1 => self.change_system(),
                2 => self.change_tools(),
                3 => self.change_thinking(),
                4 => self.undo(),
                5 => self.fork(),
                6 => self.resume(),
                7 => self.ask_again(false)?,
                8 => self.ask_again(true)?,
                9 => self.say_nothing()?,
                _ => {
                    let said = self.said();
                    self.ask(None, said)?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, step: impl Into<String>) {
        self.steps.push(step.into());
    }

    fn change_model(&mut self) {
        self.model = MODELS[self.rng.usize(..MODELS.len())];
        self.note(format!("/model {}", self.model));
    }

    fn change_system(&mut self) {
        self.system = self
            .rng
            .bool()
            .then(|| format!("system {}", self.rng.u8(..3)));
        self.note(format!("/system {:?}", self.system));
    }

    fn change_tools(&mut self) {
        let count = self.rng.usize(..4);
        let names = &["look", "draw", "count"][..count];
        let definition = |name| json!({"name": name, "input_schema": {"type": "object"}});
        let definitions: Value = names.iter().map(definition).collect();
        self.tools = ToolDefinition::list_from(definitions.into()).unwrap_or_default();
        self.note(format!("tools {names:?}"));
    }

    fn change_thinking(&mut self) {
        let wishes = [
            None,
            Some(json!("auto")),
            Some(json!("off")),
            Some(json!(2048)),
        ];
        self.thinking = wishes[self.rng.usize(..wishes.len())].clone();
        self.note(format!("/thinking {:?}", self.thinking));
    }

    fn undo(&mut self) {
        if let Some((_, before)) = self.last_message() {
            self.note("/undo");
            self.conversation.move_to(&before).expect("it is writable");
        }
    }

    fn fork(&mut self) {
        self.note("/fork");
        let fork = self.store.fork_conversation(&self.conversation);
        self.conversation = fork.expect("it is writable");
    }

    /// Continues in another process.
    fn resume(&mut self) {
        self.store.recover_journals();
        if self.conversation.tip().is_some() {
            self.note("resume");
            let id = self.conversation.id().to_owned();
            self.conversation = self.store.open_existing(&id).expect("it is there");
        }
    }

    /// Returns the last message of the user's that is more than results of tools, and the position
    /// before it.
    fn last_message(&self) -> Option<(Vec<ContentBlock>, TurnPosition)> {
        let branch = self.conversation.current_branch();
        let turns = branch.into_iter().rev();
        turns
            .filter(|turn| turn.role == Role::User)
            .map(|turn| (self.conversation.turn_content(turn), turn.position_before()))
            .find(|(content, _)| {
                let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
                !content.iter().all(is_result)
            })
    }

    /// Asks something in the place of the last message: `/retry` and `/edit`.
    fn ask_again(&mut self, is_edited: bool) -> Result<(), String> {
        let Some((mut content, before)) = self.last_message() else {
            return Ok(());
        };
        if is_edited {
            content = self.said();
        }
        self.note(if is_edited { "/edit" } else { "/retry" });
        self.ask(Some(&before), content)
    }

    /// Lets the last answer go on, where the model accepts that: `/continue`.
    fn say_nothing(&mut self) -> Result<(), String> {
        let branch = self.conversation.current_branch();
        let last = branch.last().filter(|turn| turn.partial);
        let has_text = last.is_some_and(|turn| {
            let content = self.conversation.turn_content(turn);
            matches!(content.as_slice(), [ContentBlock::Text(text)] if !text.text.trim().is_empty())
        });
        if has_text && self.model == "claude-3-haiku-20240307" {
            self.note("/continue");
            return self.ask(None, Vec::new());
        }
        Ok(())
    }

    /// Something that a user says: words, and at times a picture.
    fn said(&mut self) -> Vec<ContentBlock> {
        let mut content = vec![ContentBlock::text(format!("words {}", self.rng.u8(..100)))];
        if self.rng.u8(..6) == 0 {
            let media = Media::new("image/png", Bytes::from(png(8, 8)));
            content.insert(0, ContentBlock::Image(media));
        }
        content
    }

    /// Sends a message with the conversation before it, runs the calls, and sends their results.
    fn ask(&mut self, place: Option<&TurnPosition>, said: Vec<ContentBlock>) -> Result<(), String> {
        let earlier = self.conversation.messages_within(place, usize::MAX);
        let earlier = earlier.expect("there is no limit").messages;
        let said = InputMessage {
            role: Role::User,
            content: said,
        };
        let mut request = self.request(earlier, said.content.clone())?;
        let (system, said) = (self.system.clone(), [said]);
        let context = TurnContext {
            system: system.as_deref(),
            ..TurnContext::default()
        };
        let mut pending = match place {
            Some(place) => self.conversation.begin_replacement(place, &said, context),
            None => self.conversation.begin_turn(&said, context),
        };
        let rules = TurnRules {
            max_turns: 4,
            external_tools: Vec::new(),
        };
        let mut turn = UserTurn::new(request.messages.clone(), rules);
        loop {
            let body = encode_body(&mut request, &[], false).map_err(|error| error.message())?;
            let judged = self.judge(&body.to_json())?;
            match self.ending(&judged) {
                Ending::Lost => break,
                Ending::Refused => {
                    let earlier = self.conversation.unanswered_results();
                    pending.mark_refused(&earlier);
                    break;
                }
                Ending::Cut(message) => {
                    let mut saved = *message;
                    bind_thinking(&mut saved, &request);
                    pending.record_answer(&saved, false);
                    break;
                }
                Ending::Answered(message) => {
                    let mut saved = (*message).clone();
                    bind_thinking(&mut saved, &request);
                    pending.record_answer(&saved, true);
                    turn.record_answer(&message);
                }
            }
            let said = match turn.next_step().clone() {
                TurnStep::Done(_) | TurnStep::Stop(_) => break,
                TurnStep::Ask => Vec::new(),
                TurnStep::RunTools(calls) => {
                    let results: Vec<ToolResult> =
                        calls.iter().map(|call| self.result_of(&call.id)).collect();
                    turn.record_results(results.clone());
                    results.into_iter().map(ContentBlock::ToolResult).collect()
                }
            };
            if self.rng.u8(..8) == 0 {
                self.note("the run is stopped before the results are recorded");
                break;
            }
            if !said.is_empty() {
                pending.record_user_turn(&said);
            }
            request.messages = turn.messages().to_vec();
            fit_history(&mut request, HistoryStage::WithinTurn)
                .map_err(|error| error.to_string())?;
        }
        if self.rng.u8(..12) == 0 {
            self.note("killed");
            drop(pending);
            self.store.recover_journals();
            return Ok(());
        }
        self.conversation
            .commit_turn(pending)
            .map_err(|error| error.to_string())
    }

    /// Builds a request as the commands do.
    fn request(
        &mut self,
        earlier: Vec<InputMessage>,
        content: Vec<ContentBlock>,
    ) -> Result<CreateMessage, String> {
        let mut spec = RequestSpec::default();
        if let Some(thinking) = &self.thinking {
            let origin = OptionOrigin::Typed("--thinking".to_owned());
            spec.note_origin("thinking", thinking, &origin);
            spec.fields.insert("thinking", thinking.clone());
        }
        let rules = ModelRules::for_model(self.model);
        let fit = ModelFit {
            model: self.model,
            rules: &rules,
            max_tokens: 4096,
            tool_choice: None,
            shows_thinking: false,
            is_unchecked: false,
            insistence: Insistence::Nothing,
        };
        spec.fit_to_model(&fit).map_err(|error| error.message())?;
        let parts = RequestParts {
            model: self.model.to_owned(),
            max_tokens: 4096,
            system: self.system.clone(),
            earlier,
            content,
            tools: self.tools.clone(),
            tool_choice: None,
        };
        build(&spec, parts).map_err(|error| error.message())
    }

    /// Fails if a rule is broken.
    fn judge(&mut self, body: &[u8]) -> Result<JudgedRequest, String> {
        self.requests += 1;
        judge_request(body).map_err(|refusal| {
            let body = String::from_utf8_lossy(body);
            let shown: String = body.chars().take(6000).collect();
            format!("{refusal}\n{shown}")
        })
    }

    fn ending(&mut self, judged: &JudgedRequest) -> Ending {
        match self.rng.u8(..12) {
            0 => {
                self.note("  lost");
                Ending::Lost
            }
            1 => {
                self.note("  refused");
                self.refusals += 1;
                Ending::Refused
            }
            2 => Ending::Cut(Box::new(self.answer(judged, false))),
            _ => Ending::Answered(Box::new(self.answer(judged, true))),
        }
    }

    /// Returns an answer as models and servers give them.
    fn answer(&mut self, judged: &JudgedRequest, is_whole: bool) -> Message {
        let mut content: Vec<Value> = Vec::new();
        let mut signature = None;
        if judged.has_thinking {
            let thinking = format!("thought {}", self.rng.u8(..100));
            let signed = judged.sign(&thinking);
            content.push(json!({"type": "thinking", "thinking": thinking, "signature": signed}));
            signature = Some(signed);
        }
        if self.rng.u8(..4) > 0 {
            let words = ["Words.", " ", "", "More words. \n"];
            content.push(json!({"type": "text", "text": words[self.rng.usize(..words.len())]}));
        }
        let mut calls = 0;
        while !self.tools.is_empty() && self.rng.u8(..5) < 2 {
            content.push(self.call(signature.as_deref()));
            calls += 1;
        }
        let stop_reason = match self.rng.u8(..8) {
            _ if !is_whole => Value::Null,
            0 => json!("max_tokens"),
            1 => json!("end_turn"),
            2 => json!("tool_use"),
            3 => json!("stop_sequence"),
            _ if calls > 0 => json!("tool_use"),
            _ => json!("end_turn"),
        };
        self.note(format!("  answer {} {stop_reason}", json!(content)));
        let message = json!({
            "id": "msg", "model": self.model, "content": content, "stop_reason": stop_reason,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        });
        serde_json::from_value(message).expect("a message")
    }

    /// Returns a call: of a tool or of none, with arguments or without, with an id of its own or
    /// not.
    fn call(&mut self, signature: Option<&str>) -> Value {
        let id = match self.rng.u8(..8) {
            0 if signature.is_none() => "call_0".to_owned(),
            1 if signature.is_none() => String::new(),
            2 if signature.is_none() => "functions.look:0".to_owned(),
            _ => JudgedRequest::call_id(self.rng.usize(..1_000_000), signature),
        };
        let names = [
            "look",
            "draw",
            "count",
            "functions.look",
            "",
            "no such tool",
        ];
        let name = names[self.rng.usize(..names.len())];
        let mut call = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        match self.rng.u8(..6) {
            0 => call["partial_json"] = json!("{\"a\": "),
            1 => call["partial_json"] = json!("[1]"),
            2 => call["input"] = json!({"a": 1.5}),
            _ => {}
        }
        call
    }

    /// Returns the result of a call, as tools give them.
    fn result_of(&mut self, id: &str) -> ToolResult {
        let picture = |bytes: &[u8], kind: &str| {
            json!([{"type": "image", "source": {
                "type": "base64", "media_type": kind, "data": STANDARD.encode(bytes),
            }}])
        };
        let content = match self.rng.u8(..10) {
            0 => json!(""),
            1 => json!(" \n"),
            2 => picture(&png(4, 4), "image/png"),
            3 => picture(&png(4, 4)[..30], "image/png"),
            4 => picture(&png(9000, 4), "image/png"),
            5 => picture(&png(2500, 4), "image/png"),
            6 => picture(b"GIF89a", "image/gif"),
            7 => {
                let one = picture(&png(4, 4), "image/jpeg")[0].take();
                Value::from(vec![one; self.rng.usize(1..30)])
            }
            8 => json!([]),
            _ => json!("a result"),
        };
        self.note(format!(
            "  result {}",
            content.to_string().chars().take(60).collect::<String>()
        ));
        ToolResult {
            tool_use_id: id.to_owned(),
            content: Some(content.into()),
            is_error: Some(self.rng.bool()),
            extra: UnknownFields::default(),
        }
    }
}

/// A PNG of this size, complete but for its pixels.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(b"\0\0\0\x02IDAT\x01\x02\0\0\0\0\0\0\0\0IEND\0\0\0\0");
    bytes
}
