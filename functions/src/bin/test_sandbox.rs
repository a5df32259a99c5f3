fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::TEST_SANDBOX)
}
