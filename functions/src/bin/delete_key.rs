fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::DELETE_KEY)
}
