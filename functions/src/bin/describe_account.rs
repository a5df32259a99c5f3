fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::DESCRIBE_ACCOUNT)
}
