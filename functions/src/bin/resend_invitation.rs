fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::RESEND_INVITATION)
}
