fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::DECLINE_INVITATION)
}
