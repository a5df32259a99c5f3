fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::NOTE_MAIL_EVENT)
}
