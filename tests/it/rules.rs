//! Each rule of the endpoint has tests that the scripted endpoint enforces it, and tests that the
//! program keeps it or refuses the request before sending. This table names them, so that neither
//! half is forgotten.
//!
//! The rules are those of requests: what a server may send in answers is in `streams` and
//! `endings`, and prices are no rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A rule, and the names of its tests.
struct Rule {
    /// What it says.
    says: &'static str,
    /// Tests of the scripted endpoint.
    enforced: &'static [&'static str],
    /// Tests of the program.
    kept: &'static [&'static str],
}

const fn rule(
    says: &'static str,
    enforced: &'static [&'static str],
    kept: &'static [&'static str],
) -> Rule {
    Rule {
        says,
        enforced,
        kept,
    }
}

/// Rules of prompts and tools.
const PROMPTS: &[Rule] = &[
    rule(
        "the user begins",
        &["roles_alternate_and_the_user_begins"],
        &["the_user_begins_and_there_is_something_to_send"],
    ),
    rule(
        "roles alternate",
        &["roles_alternate_and_the_user_begins"],
        &[
            "messages_of_one_role_become_one_and_blank_text_is_left_out",
            "the_prompt_is_a_further_turn_and_turns_of_one_side_become_one",
        ],
    ),
    rule(
        "no text is blank, and every message has content",
        &["no_text_may_be_blank"],
        &[
            "messages_of_one_role_become_one_and_blank_text_is_left_out",
            "results_say_something",
            "nothing_and_white_space_alone_are_no_prompt",
        ],
    ),
    rule(
        "a prefill does not end with white space",
        &["a_prefilled_answer_is_refused_from_4_6_on"],
        &["the_last_turn_of_the_assistant_is_trimmed"],
    ),
    rule(
        "4.6 and later, and all models that are to think, take no prefill",
        &["a_prefilled_answer_is_refused_from_4_6_on"],
        &[
            "an_option_that_was_typed_and_is_not_accepted_is_a_usage_error_with_the_way_out",
            "options_of_files_are_sent_where_they_are_accepted_and_left_out_with_a_notice_elsewhere",
            "requested_thinking_forbids_forced_tools_and_prefill_on_every_model",
        ],
    ),
    rule(
        "each call has a result at the beginning of the next message, and each result a call",
        &[
            "calls_and_results_come_in_pairs_and_results_come_first",
            "every_call_needs_its_result_and_every_result_its_call",
        ],
        &[
            "every_call_has_one_result_at_the_head_of_the_next_message",
            "results_go_back_in_the_order_of_the_calls_in_one_message_over_one_connection",
            "ids_that_come_again_and_names_that_no_tool_can_have_are_changed",
        ],
    ),
    rule(
        "calls in a history need tools",
        &["calls_and_results_come_in_pairs_and_results_come_first"],
        &[
            "a_request_without_tools_has_calls_as_text",
            "the_calls_of_a_conversation_that_continues_without_tools_are_sent_as_text",
        ],
    ),
    rule(
        "a prompt fits the window of the model",
        &["each_family_has_its_longest_answer_and_prompt"],
        &[
            "what_cannot_fit_is_refused_with_its_parts_and_nothing_is_sent",
            "the_window_of_a_list_counts_too",
        ],
    ),
    rule(
        "max_tokens is within what the model generates",
        &["each_family_has_its_longest_answer_and_prompt"],
        &[
            "the_default_of_max_tokens_follows_the_model_the_list_and_the_tokens_a_minute",
            "more_tokens_than_a_model_is_known_to_generate_are_refused_or_left_out",
        ],
    ),
    rule(
        "the id of a user is at most 256 characters",
        &["the_id_of_a_user_is_at_most_256_characters"],
        &["an_id_of_the_user_is_at_most_256_characters_wherever_it_comes_from"],
    ),
    rule(
        "a call that failed has a result that says so",
        &["calls_and_results_come_in_pairs_and_results_come_first"],
        &["what_cannot_be_run_is_told_to_the_model_and_does_not_end_the_run"],
    ),
    rule(
        "text in arguments keeps its trailing newlines",
        &["an_input_that_comes_back_must_be_an_object"],
        &["a_text_in_the_input_keeps_its_trailing_newlines"],
    ),
];

/// Rules that depend on the model.
const MODELS: &[Rule] = &[
    rule(
        "an id is matched in whole components",
        &[
            "an_id_is_read_whole_in_every_spelling",
            "a_version_without_a_row_has_no_rules",
        ],
        &[
            "an_id_is_taken_apart_in_whole_components",
            "an_id_with_anything_left_over_is_unknown",
            "ids_with_a_row_have_rules_and_all_others_have_none",
        ],
    ),
    rule(
        "what a 400 taught goes before the list of models, and that before the table",
        &["the_list_says_what_each_model_can_do"],
        &[
            "what_was_learned_goes_before_the_list_and_the_list_before_the_table",
            "the_list_of_models_goes_before_the_table",
            "a_refusal_teaches_the_option_that_it_names_first_and_no_other",
            "what_was_learned_of_a_model_lapses_after_a_week_and_can_be_forgotten",
            "what_a_refusal_names_is_not_sent_again_until_the_list_is_refreshed",
            "an_answer_to_what_was_sent_without_a_check_teaches_that_it_is_accepted",
        ],
    ),
    rule(
        "each family has its own forms of thinking",
        &["each_family_takes_its_own_forms_of_thinking"],
        &[
            "thinking_is_asked_for_in_the_form_that_the_model_has",
            "automatic_thinking_takes_the_form_that_the_model_has",
            "thinking_is_turned_off_where_it_would_be_on",
            "only_the_3s_cannot_think",
        ],
    ),
    rule(
        "a budget is at least 1024 and less than max_tokens",
        &["a_budget_is_at_least_1024_and_below_max_tokens"],
        &[
            "a_budget_that_does_not_fit_is_refused_with_what_would",
            "a_budget_has_to_leave_tokens_for_the_answer",
        ],
    ),
    rule(
        "each family has its own levels of effort",
        &["each_family_takes_its_own_levels_of_effort"],
        &[
            "a_level_of_effort_is_known_from_the_endpoint_only",
            "the_list_of_models_goes_before_the_table",
        ],
    ),
    rule(
        "less thinking goes with an effort up to high",
        &["less_thinking_goes_with_an_effort_up_to_high"],
        &["the_highest_efforts_need_thinking_on_some_models"],
    ),
    rule(
        "the effort of thinking between tools is fixed for a conversation",
        &["the_effort_of_thinking_between_tools_is_fixed_for_a_conversation"],
        &["chat_forks_where_the_effort_is_fixed_for_a_conversation"],
    ),
    rule(
        "sampling is free, exclusive or fixed",
        &["sampling_is_free_exclusive_or_fixed"],
        &[
            "an_option_that_was_typed_and_is_not_accepted_is_a_usage_error_with_the_way_out",
            "what_a_model_refuses_is_found",
            "of_two_options_that_exclude_each_other_the_one_that_was_not_typed_is_left_out",
        ],
    ),
    rule(
        "thinking needs a temperature of 1 and no top_k",
        &["thinking_leaves_sampling_as_it_is"],
        &["a_model_without_a_row_refuses_only_what_no_model_accepts"],
    ),
    rule(
        "some families take no forced tool, and none does with thinking",
        &["some_families_refuse_a_forced_call_and_all_do_with_thinking"],
        &[
            "requested_thinking_forbids_forced_tools_and_prefill_on_every_model",
            "a_model_that_takes_no_forced_tool_is_asked_by_the_output_format",
            "with_thinking_a_tool_is_never_forced",
            "a_forced_choice_holds_for_the_first_request",
        ],
    ),
    rule(
        "thinking is shown where display asks for it",
        &["an_answer_thinks_where_its_model_does_and_shows_it_where_asked"],
        &["reasoning_is_shown_where_the_model_has_any"],
    ),
    rule(
        "an output format is for 4.5 and later, and excludes citations",
        &["an_output_format_is_for_4_5_and_later_and_excludes_citations"],
        &[
            "a_forced_tool_is_first_only_where_the_model_is_known_to_accept_it",
            "a_way_that_is_not_taken_is_followed_by_the_next_one_and_nothing_is_shown_of_it",
            "a_document_with_citations_is_answered_in_another_way",
        ],
    ),
    rule(
        "the schema of an output format is closed and finite",
        &["an_output_format_must_be_a_closed_and_finite_schema"],
        &[
            "objects_are_closed_and_what_the_api_does_not_check_is_described",
            "what_needs_open_or_recursive_objects_is_never_closed",
            "a_map_gets_its_entries",
        ],
    ),
    rule(
        "a strict tool has such a schema too",
        &["a_strict_tool_must_have_such_a_schema_too"],
        &[
            "a_strict_tool_has_the_closed_form_of_its_schema_and_keeps_the_original",
            "strict_is_left_out_of_a_tool_where_the_model_does_not_accept_it",
        ],
    ),
    rule(
        "definitions of tools have names, schemas and properties that the API takes",
        &[
            "a_tool_definition_is_refused_with_its_number",
            "a_tool_must_be_well_defined_and_a_choice_must_name_one",
        ],
        &[
            "what_is_combined_at_the_root_is_merged_and_lets_the_same_inputs_through",
            "a_property_with_another_name_than_the_api_takes_is_refused_wherever_it_is",
            "a_definition_that_the_api_would_refuse_goes_out_in_a_form_that_it_takes",
            "a_definition_without_such_a_form_is_refused_with_file_tool_and_key",
            "bad_tools_send_nothing",
        ],
    ),
];

/// Rules of histories.
const HISTORIES: &[Rule] = &[
    rule(
        "an input that goes back is an object",
        &["an_input_that_comes_back_must_be_an_object"],
        &[
            "arguments_that_are_no_object_are_quoted_to_the_model",
            "tool_run_tells_the_model_what_it_wrote_and_continues",
            "broken_arguments_go_back_as_an_empty_object_with_a_result_in_every_later_request",
        ],
    ),
    rule(
        "an image is complete and within the limits, in a result of a tool too",
        &[
            "a_picture_in_a_tool_result_is_held_to_the_rules_of_all_pictures",
            "an_attachment_must_be_what_it_says",
            "many_images_must_be_smaller",
            "a_picture_that_ends_early_is_not_whole",
        ],
        &[
            "a_picture_that_cannot_be_sent_becomes_words_and_the_others_are_mended",
            "pictures_in_results_stay_within_the_limits_of_the_request",
            "more_than_twenty_images_have_to_be_smaller_each",
            "the_most_images_depend_on_the_window_of_the_model_as_far_as_it_is_known",
            "a_model_with_a_long_window_gets_more_pictures_of_tools",
            "a_truncated_attachment_is_refused_by_its_name",
        ],
    ),
    rule(
        "an answer holds no attachments",
        &["an_answer_holds_no_attachments"],
        &["blocks_on_the_wrong_side_become_words"],
    ),
    rule(
        "documents and search results have sources that the platforms know",
        &["documents_of_blocks_and_search_results_are_accepted"],
        &[
            "a_file_is_refused_with_the_message_and_the_block",
            "a_source_elsewhere_is_sent_as_it_is_without_the_check",
        ],
    ),
    rule(
        "the fields of a block have their types",
        &["the_fields_of_a_block_have_their_types"],
        &[
            "a_field_of_another_type_is_refused_by_its_name_or_left_out",
            "a_field_of_another_type_in_a_result_is_refused_by_its_name_or_left_out",
            "a_block_without_what_it_needs_is_refused_by_the_name_of_the_field",
        ],
    ),
    rule(
        "thinking is bound to its model, system prompt, tools and earlier messages",
        &[
            "thinking_is_bound_to_its_conversation_or_to_its_account",
            "thinking_that_comes_back_unchanged_is_accepted",
            "thinking_that_the_endpoint_did_not_sign_is_refused",
            "cache_marks_and_effort_may_change_between_turns",
        ],
        &[
            "thinking_stays_behind_what_it_was_made_for_and_nothing_else",
            "it_goes_back_to_the_same_conversation_and_is_left_out_after_a_change",
            "a_refusal_of_it_sends_the_request_once_more_without",
        ],
    ),
    rule(
        "thinking stays in an open tool turn, and is left out from the oldest on",
        &[
            "thinking_may_not_change_or_be_left_out_while_a_tool_turn_is_open",
            "thinking_of_a_turn_that_has_ended_may_be_left_out_from_the_oldest_on",
            "with_a_budget_an_answer_with_calls_begins_with_thinking",
        ],
        &[
            "an_open_tool_turn_keeps_its_thinking",
            "an_open_turn_goes_back_with_its_thinking_or_as_text",
            "an_open_turn_without_thinking_is_text_where_a_budget_asks_for_some",
            "thinking_without_a_hash_is_left_out_and_what_follows_it_too",
        ],
    ),
];

/// Rules of prompt caching.
const CACHING: &[Rule] = &[
    rule(
        "at most four marks, in order, on blocks that may have one",
        &["a_request_has_at_most_four_cache_marks_in_order_and_on_blocks_that_may_have_one"],
        &[
            "a_conversation_is_marked_at_the_end_of_tools_system_and_last_user_message",
            "thinking_and_empty_text_are_never_marked",
            "cache_marks_of_the_user_are_counted",
            "an_hour_comes_before_five_minutes",
        ],
    ),
    rule(
        "a hit is looked for 20 blocks back",
        &["a_hit_is_looked_for_at_twenty_blocks"],
        &["a_turn_of_many_blocks_has_the_end_of_the_one_before_it_marked_too"],
    ),
    rule(
        "below a minimum nothing is cached",
        &["a_prefix_below_the_minimum_is_not_cached"],
        &[
            "a_model_without_a_row_has_the_longest_minimum",
            "a_short_conversation_is_sent_as_it_is",
        ],
    ),
    rule(
        "a prefix can be read once the first answer has begun",
        &["nothing_is_read_before_the_answer_has_begun"],
        &[
            "the_first_request_is_alone_until_its_answer_begins",
            "the_first_item_of_a_batch_is_alone_until_its_answer_begins",
        ],
    ),
    rule(
        "a prefix lives for five minutes or an hour after its last use",
        &[
            "a_prefix_lives_as_long_as_its_mark_says_after_its_last_use",
            "each_lifetime_has_its_own_count",
        ],
        &[
            "a_prefix_that_was_read_is_written_again_after_a_pause",
            "what_was_written_for_an_hour_is_read_within_it",
        ],
    ),
    rule(
        "usage counts what was read and written",
        &[
            "what_was_written_is_read_and_the_rest_is_neither",
            "a_longer_conversation_reads_the_beginning_and_writes_the_rest",
        ],
        &["the_usage_shows_what_was_read_and_written"],
    ),
];

/// Returns the files of all tests by name, relative to the package.
fn tests() -> BTreeMap<String, Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories = vec![root.join("src"), root.join("tests/it")];
    let mut tests: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(root).unwrap();
                for name in names_of_tests(&fs::read_to_string(&path).unwrap()) {
                    tests.entry(name).or_default().push(file.to_owned());
                }
            }
        }
    }
    tests
}

fn names_of_tests(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let attributes = lines.iter().enumerate();
    let attributes =
        attributes.filter(|(_, line)| line.starts_with("#[") && line.ends_with("test]"));
    let name_after = |(place, _): (usize, &&str)| {
        let declaration = lines[place..]
            .iter()
            .find_map(|line| line.split_once("fn "))?;
        Some(declaration.1.split('(').next()?.to_owned())
    };
    attributes.filter_map(name_after).collect()
}

/// Whether a test is one of the scripted endpoint.
fn is_of_endpoint(file: &Path) -> bool {
    file.starts_with("src/demo") || file.starts_with("tests/it/serve") || file.ends_with("serve.rs")
}

#[test]
fn each_rule_is_enforced_by_the_endpoint_and_kept_by_the_program() {
    let tests = tests();
    let rules: Vec<&Rule> = [PROMPTS, MODELS, HISTORIES, CACHING]
        .into_iter()
        .flatten()
        .collect();
    for rule in &rules {
        for (names, is_of_the_endpoint) in [(rule.enforced, true), (rule.kept, false)] {
            assert!(!names.is_empty(), "{} has no test", rule.says);
            for name in names {
                let files = tests.get(*name).map_or(&[][..], Vec::as_slice);
                let is_there = files
                    .iter()
                    .any(|file| is_of_endpoint(file) == is_of_the_endpoint);
                assert!(is_there, "{}: there is no such test as {name}", rule.says);
            }
        }
    }
    // A new rule of the endpoint gets a row.
    for (name, files) in &tests {
        if files
            .iter()
            .any(|file| file.ends_with("check/rule_tests.rs"))
        {
            let is_named = rules
                .iter()
                .any(|rule| rule.enforced.contains(&name.as_str()));
            assert!(is_named, "no rule names {name}");
        }
    }
}
