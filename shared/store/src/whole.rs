//! Answers that say that all went well, and are not whole.

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, InterceptorContext,
};
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;

/// Has a client of a service that speaks JSON take a part of an answer for a failure that may pass,
/// as it takes a connection that breaks.
///
/// By itself the SDK reads a body without a byte as an empty document: there is no such row, there
/// are no rows, the secret has no text. No service answers so.
#[derive(Debug, Clone, Copy)]
pub struct WholeAnswers;

impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let is_empty = answer.body().bytes().is_none_or(<[u8]>::is_empty);
        if answer.status().is_success() && is_empty {
            return Err("the answer has no body".into());
        }
        Ok(())
    }
}

impl ClassifyRetry for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let failed = context.output_or_error().is_some_and(|done| done.is_err());
        if failed && context.response().is_some_and(|answer| answer.status().is_success()) {
            return RetryAction::transient_error();
        }
        RetryAction::NoActionIndicated
    }
}
