// What is thrown where the charm itself is wrong.

export class MeshPolicyError extends Error {
  /** @param {{ code: string, message: string }} error */
  constructor({ code, message }) {
    super(message);
    this.name = 'MeshPolicyError';
    this.code = code;
  }
}
