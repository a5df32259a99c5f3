fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::REGISTER_ACCOUNT)
}
