fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::CHECK_KEY)
}
