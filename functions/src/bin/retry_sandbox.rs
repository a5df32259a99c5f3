fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::RETRY_SANDBOX)
}
