// Lambda's runtime loop for Node, as small as it can be: what AWS's own client does beyond this
// would only add to the time.

import { Agent, request } from "node:http";

const API = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });

function send(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request(`${API}${path}`, { method, agent }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => resolve({ answer, text: Buffer.concat(pieces).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

export async function serve(handler) {
  for (;;) {
    const { answer, text } = await send("GET", "/next");
    const id = answer.headers["lambda-runtime-aws-request-id"];
    const said = JSON.stringify(await handler(JSON.parse(text)));
    // As every function leaves a line.
    console.log(JSON.stringify({ level: "INFO", outcome: "ok", request_id: id }));
    await send("POST", `/${id}/response`, said);
  }
}
