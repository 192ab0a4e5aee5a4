-- tries:  code that runs while it is compiled: Template Haskell
-- layer:  root, pid_ns
-- stage:  compile
-- expect: compile_error accepted
{-# LANGUAGE TemplateHaskell #-}
import Control.Exception
import Language.Haskell.TH
main :: IO ()
main = putStrLn $(do
    let try' f = fmap (either (\e -> show (e :: SomeException)) id) (try (readFile f >>= evaluate . (\s -> length s `seq` s)))
    a <- runIO (mapM try' ["/root/minos-canary", "/etc/minos-canary", "/etc/shadow", "/proc/1/environ"])
    runIO (writeFile "/tmp/left-by-th" "x")
    litE (stringL (unlines a)))
