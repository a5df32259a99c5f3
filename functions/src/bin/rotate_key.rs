fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::ROTATE_KEY)
}
