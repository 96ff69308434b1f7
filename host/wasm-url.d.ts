// What a bundler makes of the module's file where it is told to hand files over by address.
declare const address: string;
export default address;
