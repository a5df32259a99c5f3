//! The functions, with the order and the fate of each of their requests decided by the test.
//!
//! They are what they are in production, and so are the SDK's clients; a [`wire`] stands in the
//! network's place, with the store's engine behind it. A [`schedule`] is a list of [`choices`]:
//! which request goes next, and what becomes of it. A small case is [explored](explore) whole, and
//! after each schedule the [`judge`] looks at every row and every answer.
//!
//! A new change goes into the lists of [`pairs`], and is tried beside each other one. A new case is
//! a constant in [`cases`] and a test here that holds it. `sometimes` names what it has to come to,
//! so that it does not show less than it seems to; a line in `SABOTAGES` shows that it looks at
//! what it is about.

mod cases;
mod choices;
mod closing;
mod deployment;
mod explore;
mod judge;
mod scene;
mod schedule;
mod settled;
mod stream;
mod wire;

use crate::cases::{mails, meter, pairs, time, workers};
use crate::explore::Case;
use crate::wire::Sabotage;

#[test]
fn what_an_outage_says_of_a_creation_is_true() {
    cases::CREATE.hold();
}

#[test]
fn what_an_outage_says_of_a_deletion_is_true() {
    cases::DELETE.hold();
}

#[test]
fn a_rotation_whose_answer_got_lost_and_that_meets_another_is_made_once() {
    cases::ROTATE.hold();
}

#[test]
fn what_an_outage_says_of_any_change_is_true() {
    pairs::hold_alone_in_an_outage();
}

#[test]
fn what_an_outage_of_the_keyring_says_of_any_change_is_true() {
    pairs::hold_alone_without_keyring();
}

#[test]
fn a_guess_whose_answer_got_lost_counts_once() {
    cases::LOGIN.hold();
}

#[test]
fn of_two_creations_for_the_last_place_one_gets_it() {
    cases::CREATE_CREATE.hold();
}

#[test]
fn of_three_creations_for_the_last_place_one_gets_it() {
    cases::CREATE_CREATE_CREATE.hold();
}

#[test]
fn a_creation_that_is_repeated_at_once_has_one_outcome() {
    cases::CREATE_ONCE.hold();
}

#[test]
fn a_deleted_key_is_refused_by_every_check_that_begins_after_the_answer() {
    cases::DELETE_CHECK.hold();
}

#[test]
fn a_use_that_two_checks_find_missing_is_marked_once() {
    cases::CHECK_CHECK.hold();
}

#[test]
fn a_key_is_deleted_once() {
    cases::DELETE_DELETE.hold();
}

#[test]
fn the_place_of_a_deleted_key_is_given_only_when_it_is_free() {
    cases::DELETE_CREATE.hold();
}

#[test]
fn nothing_of_a_revoked_admins_is_done_after_the_revocation() {
    cases::REVOKE_CREATE.hold();
}

#[test]
fn whoever_is_no_admin_any_more_does_nothing_that_only_admins_may() {
    cases::DEMOTE_CREATE.hold();
}

#[test]
fn of_two_admins_who_demote_each_other_one_remains() {
    cases::DEMOTE_DEMOTE.hold();
}

#[test]
fn of_two_admins_of_whom_one_leaves_and_one_steps_down_one_remains() {
    cases::LEAVE_DEMOTE.hold();
}

#[test]
fn an_admin_who_leaves_while_it_is_demoted_is_gone_once() {
    cases::LEAVE_DEMOTED.hold();
}

#[test]
fn no_key_slips_through_a_suspension_in_any_order() {
    cases::SUSPEND_CREATE.hold();
}

#[test]
fn no_key_is_good_once_its_suspension_is_answered() {
    cases::SUSPEND_CHECK.hold();
}

#[test]
fn two_rotations_leave_the_two_newest_values() {
    cases::ROTATE_ROTATE.hold();
}

#[test]
fn a_key_that_is_deleted_while_it_is_rotated_does_not_come_back() {
    cases::ROTATE_DELETE.hold();
}

#[test]
fn of_two_invitations_for_the_last_place_one_gets_it() {
    cases::INVITE_INVITE.hold();
}

#[test]
fn of_two_guesses_one_is_looked_at_if_one_is_left() {
    cases::GUESS_GUESS.hold();
}

#[test]
fn a_code_opens_one_session() {
    cases::LOGIN_LOGIN.hold();
}

#[test]
fn what_holds_of_two_at_once_holds_of_many() {
    cases::MANY.hold_sampled(100);
}

#[test]
fn of_two_guesses_one_is_looked_at_if_the_hour_allows_one() {
    cases::ALLOWANCE.hold();
}

#[test]
fn a_key_that_has_expired_is_refused_by_every_check_that_begins_after() {
    time::KEY.hold();
}

#[test]
fn an_old_value_is_refused_when_its_time_is_over() {
    time::OLD_VALUE.hold();
}

#[test]
fn a_session_that_nobody_used_for_twelve_hours_does_nothing() {
    time::IDLE.hold();
}

#[test]
fn a_session_of_seven_days_does_nothing_however_often_it_was_used() {
    time::LIFETIME.hold();
}

#[test]
fn a_code_of_three_minutes_opens_nothing() {
    time::CODE.hold();
}

#[test]
fn an_invitation_that_ends_is_accepted_or_gives_its_place_away() {
    time::INVITATION.hold_sampled(60);
}

#[test]
fn of_two_calls_at_once_the_last_one_of_a_month_is_let_through() {
    meter::MONTH.hold();
}

#[test]
fn of_three_calls_at_once_a_burst_of_two_lets_two_through() {
    meter::BURST.hold();
}

#[test]
fn a_call_before_the_months_turn_takes_nothing_from_the_new_month() {
    meter::TURN.hold();
}

#[test]
fn changed_limits_hold_for_every_check_that_begins_after_the_answer() {
    meter::CHANGE.hold();
}

#[test]
fn what_a_process_took_ahead_is_nobody_elses_however_it_ends() {
    meter::BLOCKS.hold_sampled(60);
    meter::BLOCKS_IN_TROUBLE.hold_sampled(40);
}

#[test]
fn what_was_taken_ahead_is_of_its_month_and_of_its_limits() {
    meter::BLOCKS_TURN.hold_sampled(40);
    meter::BLOCKS_CHANGE.hold_sampled(60);
}

#[test]
fn clocks_that_differ_let_through_what_the_rate_has_in_that_time_and_no_more() {
    meter::CLOCKS.hold();
    meter::CLOCKS_TURN.hold_sampled(60);
}

#[test]
fn no_key_slips_through_a_change_of_limits_in_any_order() {
    meter::CREATE.hold();
}

#[test]
fn each_pair_of_customers_changes_holds_every_promise() {
    pairs::OF_CUSTOMERS.hold();
}

#[test]
fn each_change_beside_a_reader_holds_every_promise() {
    pairs::WITH_READERS.hold();
    pairs::OPERATORS_WITH_READERS.hold();
}

#[test]
fn each_customers_change_beside_an_operators_holds_every_promise() {
    pairs::WITH_OPERATORS.hold();
}

#[test]
fn each_customers_change_beside_a_suspension_holds_every_promise() {
    pairs::WITH_SUSPENSION.hold();
}

#[test]
fn each_pair_of_customers_changes_holds_every_promise_where_clocks_differ() {
    for pairs in pairs::SKEWED {
        pairs.hold();
    }
}

#[test]
fn a_suspension_beside_a_resumption_leaves_account_and_keys_at_one() {
    pairs::OF_SUSPENSION.hold();
}

#[test]
fn each_change_beside_a_login_holds_every_promise() {
    for pairs in pairs::OF_LOGINS {
        pairs.hold();
    }
}

#[test]
fn two_right_codes_of_one_member_open_two_sessions() {
    cases::LOGINS_OF_ONE.hold_sampled(30);
}

#[test]
fn a_login_whose_member_is_revoked_meanwhile_is_answered_truly() {
    pairs::LOGIN_ENDS.hold();
}

#[test]
fn each_pair_of_operators_changes_holds_every_promise() {
    pairs::OF_OPERATORS.hold();
}

#[test]
fn each_pair_of_changes_holds_every_promise_when_not_all_goes_well() {
    for pairs in pairs::ALL_IN_TROUBLE {
        pairs.hold();
    }
}

#[test]
fn a_login_has_its_sandbox_whatever_goes_wrong() {
    workers::LOGIN.hold();
    workers::LOGIN_IN_TROUBLE.hold_sampled(40);
    workers::LOGIN_WITHOUT_KEYRING.hold();
}

#[test]
fn a_login_event_that_comes_twice_is_done_once() {
    workers::TWICE.hold();
}

#[test]
fn a_sandbox_key_that_is_deleted_does_not_come_back_by_an_event_that_is_done() {
    workers::TWICE_DELETE.hold_sampled(40);
}

#[test]
fn two_logins_at_once_make_one_key() {
    workers::TWO_LOGINS.hold();
    workers::TWO_LOGINS_IN_TROUBLE.hold_sampled(30);
}

#[test]
fn a_verdict_is_about_the_key_that_is_there() {
    workers::LOGIN_DELETE.hold();
    workers::RETRY_DELETE.hold();
    workers::RETRY_TEST.hold();
    workers::TEST_DELETE.hold();
}

#[test]
fn a_retry_beside_another_has_its_verdict() {
    workers::RETRY_RETRY.hold_sampled(30);
}

#[test]
fn what_waits_for_a_suspended_account_goes_on_with_it() {
    workers::RETRY_SUSPEND.hold();
}

#[test]
fn the_sweep_beside_a_worker_leaves_nothing_undone() {
    workers::LOGIN_SWEEP.hold_sampled(20);
    workers::INVITE_SWEEP.hold_sampled(20);
}

#[test]
fn what_the_sweep_gives_up_is_over_for_everybody() {
    workers::GIVE_UP.hold();
    workers::GIVE_UP_LATE.hold_sampled(10);
}

#[test]
fn an_invitation_is_mailed_whatever_goes_wrong_or_says_that_it_is_not() {
    workers::INVITE.hold();
    workers::INVITE_WITHOUT_KEYRING.hold();
    workers::INVITE_TWICE.hold();
}

#[test]
fn what_comes_in_one_batch_is_done_as_what_comes_alone() {
    workers::LOGINS_IN_ONE_BATCH.hold();
    workers::INVITE_TWICE_IN_ONE_BATCH.hold();
    workers::INVITES_IN_ONE_BATCH.hold();
    workers::INVITES_REVOKE.hold_sampled(30);
}

#[test]
fn an_invitation_that_has_ended_is_not_mailed() {
    workers::INVITE_REVOKE.hold();
    workers::INVITE_DECLINE.hold();
    workers::INVITE_RESEND.hold();
}

#[test]
fn a_code_is_mailed_while_it_is_good() {
    workers::CODE.hold();
}

#[test]
fn each_admin_is_reminded_of_a_keys_end_once_whatever_goes_wrong() {
    mails::REMINDER.hold();
    mails::REMINDER_IN_TROUBLE.hold_sampled(30);
    mails::REMINDER_TWICE.hold_sampled(30);
    mails::REMINDER_SWEEP.hold_sampled(20);
}

#[test]
fn nobody_is_reminded_of_a_key_that_is_gone() {
    mails::REMINDER_DELETE.hold();
    mails::REMINDER_CHANGE.hold();
    mails::REMINDER_REVOKE.hold();
}

#[test]
fn each_admin_hears_that_a_months_calls_are_used() {
    mails::WARNING.hold_sampled(60);
}

#[test]
fn a_mail_that_comes_back_shows_on_whom_it_was_for_and_on_nobody_else() {
    mails::BACK.hold_sampled(100);
    mails::BACK_RESEND.hold();
    mails::BACK_LOGIN.hold_sampled(40);
    mails::BACK_REVOKE.hold();
}

#[test]
fn what_holds_of_one_worker_holds_of_many() {
    workers::MANY.hold_sampled(30);
}

/// Else a schedule that breaks something could not be looked at again.
#[test]
fn the_same_choices_give_the_same_run() {
    let told = cases::MANY.told(0..8);
    assert_eq!(told, cases::MANY.told(0..8));
}

/// Each rule taken away shows: so the cases look at what they are about.
#[test]
fn without_any_one_rule_some_schedule_breaks_a_promise() {
    for (case, sabotage) in SABOTAGES {
        case.misses(sabotage);
    }
}

const LAST_ADMIN: Sabotage =
    Sabotage::Without("(NOT contains(#admins, :id) OR size(#admins) > :one)");

const SABOTAGES: [(Case, Sabotage); 29] = [
    (meter::MONTH, Sabotage::Without("#calls <= :calls_at_most")),
    (meter::BURST, Sabotage::Without("#tat BETWEEN :least AND :most")),
    (meter::CREATE, Sabotage::Without("#limits_version = :plan_was")),
    (cases::CREATE_CREATE, Sabotage::Without("#own_keys < #own_key_limit")),
    (
        cases::CREATE_CREATE,
        Sabotage::Instead("#own_keys < #own_key_limit", "#own_keys <= #own_key_limit"),
    ),
    (cases::CREATE_ONCE, Sabotage::Without("attribute_not_exists(#pk) OR #created_at <= :expired")),
    (cases::DELETE_CHECK, Sabotage::Consistency),
    (cases::DELETE_DELETE, Sabotage::Without("#name = :name")),
    (cases::DEMOTE_CREATE, Sabotage::Without("#role = :role")),
    (cases::LEAVE_DEMOTE, LAST_ADMIN),
    (cases::SUSPEND_CREATE, Sabotage::Without("#suspended = :no")),
    (cases::SUSPEND_CHECK, Sabotage::Consistency),
    (cases::INVITE_INVITE, Sabotage::Without("#member_count < #member_limit")),
    (cases::GUESS_GUESS, Sabotage::Without("size(#asks.#id.#guesses) < #asks.#id.#allowed")),
    (cases::LOGIN, Sabotage::Without("NOT contains(#asks.#id.#guesses, :guess)")),
    (cases::ALLOWANCE, Sabotage::Without("#left.#own > :zero")),
    (time::IDLE, Sabotage::Without("#sessions.#s0.#u > :idle")),
    (time::LIFETIME, Sabotage::Without("#sessions.#s0.#o > :oldest")),
    (time::CODE, Sabotage::Without("#asks.#id.#at > :oldest")),
    (cases::LOGIN_LOGIN, Sabotage::Without("#asks.#id.#over = :no")),
    (
        cases::ROTATE_DELETE,
        Sabotage::Without("#name = :was_name AND attribute_not_exists(#expires_at)"),
    ),
    (workers::TWO_LOGINS, Sabotage::Without("attribute_not_exists(#sandbox_key)")),
    (workers::RETRY_TEST, Sabotage::Without("#sandbox_key.#version = :version")),
    (
        workers::TEST_DELETE,
        Sabotage::Without("#sandbox_key.#id = :key AND #sandbox_key.#version = :version"),
    ),
    (workers::INVITE_REVOKE, Sabotage::Consistency),
    (workers::INVITE_TWICE, Sabotage::Consistency),
    (mails::REMINDER_DELETE, Sabotage::Consistency),
    (mails::BACK_RESEND, Sabotage::Without("#invitation = :invitation")),
    (mails::BACK_LOGIN, Sabotage::Without("attribute_not_exists(#last_login_at)")),
];
