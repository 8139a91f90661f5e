//! Random courses of conversations, forks, batches and single requests against the scripted
//! endpoint, with its cache and its clock: what `auto` costs, and what `off` would.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::build::{encode_body, encode_marked_body};
use super::cache_marks::{CacheMarks, PromptReuse, SharedPrefix};
use super::cache_policy::{PastRequest, PromptTokens, choose_ttl, expected_read};
use super::prompt_parts::PromptParts;
use super::shared_prefix::{PrefixCache, RequestPace};
use crate::demo::InProcessEndpoint;
use crate::protocol::{
    CacheMode, ContentBlock, CreateMessage, ExactFields, InputMessage, ModelRules, Role,
    SystemPrompt, ToolDefinition, Usage,
};

/// A model with a short minimum, so that most prompts are long enough.
const MODEL: &str = "claude-sonnet-5-default";

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// Returns a number below `limit`.
    fn roll(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The endpoint and its clock.
struct World {
    endpoint: InProcessEndpoint,
    began: tokio::time::Instant,
}

impl World {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.began.elapsed()
    }

    /// Sends a request with these marks; returns the answer and its tokens.
    async fn send(&self, request: &mut CreateMessage, marks: &CacheMarks) -> (Value, PromptTokens) {
        let body = encode_marked_body(request, marks, &[], true).expect("of any size");
        let answer = self.endpoint.ask(&body.to_json()).await;
        let usage: Usage = serde_json::from_value(answer["usage"].clone()).expect("usage");
        (answer, PromptTokens::from_usage(&usage))
    }
}

/// What a prompt costs, in hundredths of the price of an input token.
fn cost(tokens: PromptTokens) -> u64 {
    let fresh = tokens.total - tokens.read - tokens.short_writes - tokens.long_writes;
    fresh * 100 + tokens.read * 10 + tokens.short_writes * 125 + tokens.long_writes * 200
}

/// What was spent with marks, and what would have been without them.
#[derive(Debug, Default, Clone, Copy)]
struct Bill {
    auto: u64,
    off: u64,
    longest: u64,
}

impl Bill {
    fn add(&mut self, tokens: PromptTokens) {
        self.auto += cost(tokens);
        self.off += tokens.total * 100;
        self.longest = self.longest.max(tokens.total);
    }

    /// Whether it is at most one write of the longest prompt more than without marks.
    fn is_within_bounds(&self) -> bool {
        self.auto <= self.off + self.longest * 125
    }
}

/// A conversation, what its requests did with the cache, and what they cost.
#[derive(Clone)]
struct Course {
    request: CreateMessage,
    past: Vec<PastRequest>,
    /// The parts of the last prompt that was marked.
    parts: Option<PromptParts>,
    bill: Bill,
}

fn words(dice: &mut Dice, count: u64) -> ContentBlock {
    let word = |_| format!("w{} ", dice.roll(1000));
    let text: String = (0..count.max(1)).map(word).collect();
    ContentBlock::text(text)
}

fn request(content: Vec<ContentBlock>) -> CreateMessage {
    let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    CreateMessage {
        model: MODEL.to_owned(),
        max_tokens: 1000,
        system: Some(SystemPrompt::from_text("Be brief.")),
        messages: vec![InputMessage {
            role: Role::User,
            content,
        }],
        fields: ExactFields::default(),
        tools: ToolDefinition::list_from(tools.into()).expect("a list"),
        tool_choice: None,
        stream: false,
    }
}

impl Course {
    fn new(dice: &mut Dice) -> Self {
        let size = dice.roll(3000);
        let mut request = request(vec![words(dice, size)]);
        if dice.roll(2) == 0 {
            request.tools.clear();
        }
        Self {
            request,
            past: Vec::new(),
            parts: None,
            bill: Bill::default(),
        }
    }

    /// Chooses the marks of a request.
    fn marks(&mut self, request: &CreateMessage, now: SystemTime) -> CacheMarks {
        let parts = PromptParts::of_request(request);
        let before = self.parts.as_ref();
        let ttl = choose_ttl(&self.past, MODEL, now, || {
            before.is_some_and(|before| before.is_beginning_of(&parts))
        });
        let Some(ttl) = ttl else {
            return CacheMarks::none();
        };
        self.parts = Some(parts);
        CacheMarks::for_request(request, PromptReuse::Conversation, ttl)
    }

    /// Sends the conversation as it is, and lets it continue.
    async fn take_turn(&mut self, world: &World, dice: &mut Dice) {
        let marks = self.marks(&self.request.clone(), world.now());
        let (answer, tokens) = world.send(&mut self.request, &marks).await;
        self.bill.add(tokens);
        self.past.push(PastRequest {
            sent_at: world.now(),
            is_own: true,
            model: MODEL.to_owned(),
            tokens,
        });
        self.continue_after(&answer, dice);
    }

    fn continue_after(&mut self, answer: &Value, dice: &mut Dice) {
        let said: Vec<ContentBlock> =
            serde_json::from_value(answer["content"].clone()).expect("blocks");
        let mut reply = Vec::new();
        for block in &said {
            if let ContentBlock::ToolUse(call) = block {
                let result =
                    json!({"type": "tool_result", "tool_use_id": call.id, "content": "42"});
                reply.push(serde_json::from_value(result).expect("a result"));
            }
        }
        let is_call = !reply.is_empty();
        let most = if dice.roll(6) == 0 { 25 } else { 1 };
        for _ in 0..=dice.roll(most) {
            let size = if dice.roll(8) == 0 {
                1500
            } else {
                dice.roll(60)
            };
            if !is_call {
                reply.push(words(dice, size));
            }
        }
        for (role, content) in [(Role::Assistant, said), (Role::User, reply)] {
            self.request.messages.push(InputMessage { role, content });
        }
    }

    /// Has all but the last message summarised, as `chat` does: without tools, and marked only
    /// where a prefix is there to be read.
    async fn compact(&mut self, world: &World) {
        let now = world.now();
        let Some(last) = self.request.messages.pop() else {
            return;
        };
        let is_stored = expected_read(&self.past, MODEL, now).is_some();
        let mut request = self.request.clone();
        request.tools.clear();
        let sum_up = InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text("Sum up.")],
        };
        let is_text = |block: &ContentBlock| matches!(block, ContentBlock::Text(_));
        let texts = request.messages.iter();
        let mut messages: Vec<InputMessage> = Vec::new();
        for message in texts.filter(|message| message.content.iter().all(is_text)) {
            if messages.last().map(|last| last.role) != Some(message.role) {
                messages.push(message.clone());
            }
        }
        messages.pop_if(|last| last.role == Role::User);
        messages.push(sum_up.clone());
        request.messages = messages;
        let marks = if is_stored && self.request.tools.is_empty() {
            self.marks(&request, now)
        } else {
            CacheMarks::none()
        };
        let (_, tokens) = world.send(&mut request, &marks).await;
        self.bill.add(tokens);
        self.past.push(PastRequest {
            sent_at: now,
            is_own: true,
            model: MODEL.to_owned(),
            tokens,
        });
        let notes = InputMessage {
            role: Role::Assistant,
            content: vec![ContentBlock::text("Notes.")],
        };
        self.request.messages = vec![sum_up, notes];
        let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
        if last.content.iter().any(is_result) {
            return self.request.messages.truncate(1);
        }
        self.request.messages.push(last);
    }

    /// Returns a copy that continues by itself.
    fn fork(&self) -> Self {
        let mut fork = self.clone();
        fork.bill = Bill::default();
        fork.past.iter_mut().for_each(|past| past.is_own = false);
        fork
    }
}

/// Runs a batch of some items with a shared part.
async fn run_batch(world: &World, dice: &mut Dice) -> Bill {
    let (items, size) = (2 + dice.roll(8), dice.roll(3000));
    let shared = words(dice, size);
    let mut prefix = PrefixCache::new(CacheMode::Auto, false);
    let mut bill = Bill::default();
    for _ in 0..items {
        let mut request = request(vec![shared.clone(), words(dice, 20)]);
        let place = SharedPrefix {
            message: 0,
            blocks: 1,
        };
        let rules = ModelRules::for_model(MODEL);
        let marks = prefix.marks(&mut request, place, &rules, RequestPace::default());
        if !marks.is_empty() {
            prefix.begin();
        }
        let (_, tokens) = world.send(&mut request, &marks).await;
        bill.add(tokens);
        if !marks.is_empty() {
            prefix.answer_began();
            prefix.end(Some(tokens));
        }
        tokio::time::advance(Duration::from_secs(1 + dice.roll(30))).await;
    }
    bill
}

#[tokio::test(start_paused = true)]
async fn whatever_the_course_auto_costs_at_most_one_write_more_than_off() {
    let mut saved = 0_u64;
    for seed in 1..=20_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let world = World {
            endpoint: InProcessEndpoint::new(),
            began: tokio::time::Instant::now(),
        };
        let mut courses = vec![Course::new(&mut dice)];
        for _ in 0..30 {
            let pick = usize::try_from(dice.roll(courses.len() as u64)).expect("an index");
            match dice.roll(13) {
                0 => courses.push(Course::new(&mut dice)),
                1 => courses.push(courses[pick].fork()),
                2 => {
                    let bill = run_batch(&world, &mut dice).await;
                    assert!(bill.is_within_bounds(), "seed {seed}: a batch: {bill:?}");
                }
                // Undone, as far as the beginning.
                3 => courses[pick].request.messages.truncate(1),
                4 => courses[pick].compact(&world).await,
                _ => courses[pick].take_turn(&world, &mut dice).await,
            }
            // From a second to two hours; short ones are as likely as long ones.
            let longest = match dice.roll(4) {
                0 => 20,
                1 => 400,
                2 => 1200,
                _ => 7200,
            };
            tokio::time::advance(Duration::from_secs(1 + dice.roll(longest))).await;
        }
        for course in &courses {
            let bill = course.bill;
            assert!(
                bill.is_within_bounds(),
                "seed {seed}: {bill:?} {:?}",
                course.past
            );
            saved += bill.off.saturating_sub(bill.auto);
        }
    }
    assert!(saved > 0, "something is saved");
}

#[tokio::test(start_paused = true)]
async fn a_lively_conversation_costs_a_fraction_of_one_without_marks() {
    let mut dice = Dice(7);
    let world = World {
        endpoint: InProcessEndpoint::new(),
        began: tokio::time::Instant::now(),
    };
    let mut course = Course::new(&mut dice);
    course.request.messages[0].content = vec![words(&mut dice, 6000)];
    for _ in 0..20 {
        course.take_turn(&world, &mut dice).await;
        tokio::time::advance(Duration::from_secs(40)).await;
    }
    let bill = course.bill;
    assert!(bill.auto * 3 < bill.off, "{bill:?}");
}

#[test]
fn marks_are_the_only_difference_that_they_make() {
    let mut dice = Dice(3);
    let mut request = request(vec![words(&mut dice, 10)]);
    let plain = encode_body(&mut request, &[], true).expect("of any size");
    let ttl = choose_ttl(&[], MODEL, SystemTime::UNIX_EPOCH, || false);
    let ttl = ttl.expect("the first turn is marked");
    let marks = CacheMarks::for_request(&request, PromptReuse::Conversation, ttl);
    let marked = encode_marked_body(&mut request, &marks, &[], true).expect("of any size");
    assert_ne!(plain, marked);
    assert_eq!(
        plain,
        encode_body(&mut request, &[], true).expect("of any size")
    );
}
