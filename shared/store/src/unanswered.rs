//! Which tries of a request may have taken effect though no answer says so.

use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as WriteError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many tries of one request were sent and not answered: each of them may have been made, or
/// may still be.
///
/// The SDK tries by itself and tells of the last try alone. That one may be refused, or throttled,
/// because an earlier one was made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    pub fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Intercept for Unanswered {
    fn name(&self) -> &'static str {
        "Unanswered"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// A try that times out never comes here.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_answered(context) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Whether the store said what became of it. A failure of its own (5xx) says nothing, and no more
/// does that it is being worked on.
fn is_answered(context: &FinalizerInterceptorContextRef<'_>) -> bool {
    let error = match context.output_or_error() {
        Some(Ok(_)) => return true,
        Some(Err(error)) => error,
        None => return false,
    };
    let Some(refusal) = error.as_operation_error() else { return false };
    let refusal = refusal.downcast_ref();
    !refusal.is_some_and(WriteError::is_transaction_in_progress_exception)
        && context.response().is_some_and(|answer| answer.status().is_client_error())
}
