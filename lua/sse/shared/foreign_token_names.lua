--- The part of sse.shared.foreign_names that is about tokens and signed values.
-- @module sse.shared.foreign_token_names
local names = {}

names["sse.jwt"] = {
  decode = { "verify" }, parse = { "verify" }, jwtVerify = { "verify" }, check = { "verify" },
  encode = { "sign" }, issue = { "sign" }, create = { "sign" },
}
names["sse.jwt.verify"] = {
  secret = { "key" }, public_key = { "key" }, jwks = { "keys" }, algorithm = { "algorithms" },
  alg = { "algorithms" }, aud = { "audience" }, iss = { "issuer" }, clockTolerance = { "leeway" },
  clock_skew = { "leeway" }, string = "a key is an option: 'key'",
}
names["sse.jwt.sign"] = {
  secret = { "key" }, private_key = { "key" }, string = "a key is an option: 'key'",
  alg = "there is none: the key decides", algorithm = "there is none: the key decides",
  expires_in = "it is a claim: exp", exp = "it is a claim: exp",
}
names["sse.crypto"] = {
  randomBytes = { "random" }, bytes = { "random" }, uuid = { "token" }, hmac = { "sign" },
  verify = { "unsign" }, scrypt = { "hash_password" }, bcrypt = { "hash_password" },
  hash = { "hash_password" }, compare = { "check_password" },
}
names["sse.crypto.sign"] = {
  max_age = { "expires" }, ttl = { "expires" }, exp = { "expires" }, salt = { "purpose" },
  number = "a time is an option: 'expires'",
}
names["sse.crypto.unsign"] = { salt = { "purpose" } }

return names
