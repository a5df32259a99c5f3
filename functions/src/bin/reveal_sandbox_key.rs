fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::REVEAL_SANDBOX_KEY)
}
