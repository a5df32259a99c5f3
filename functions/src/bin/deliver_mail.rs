fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::DELIVER_MAIL)
}
